import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BucketHistogram } from '../../../src/infra/bucket-histogram.ts';
import { Histogram, Registry } from '../../../src/infra/metrics.ts';

const what = { name: 'millrace_some_seconds', help: 'Some times.' };
const buckets = [1, 5, 15, 60];
/** Sums of whole numbers are exact, and some of them are bounds of buckets. */
const observations = fc.array(fc.tuple(fc.constantFrom('orders', 'payments'), fc.integer({ min: 0, max: 70 })), { maxLength: 50 });

describe('a bucket histogram', () => {
  it('tells Prometheus what the client library would of the same observations', async () => {
    await fc.assert(
      fc.asyncProperty(observations, async (observed) => {
        const [own, library] = [new Registry(), new Registry()];
        const fast = new BucketHistogram({ ...what, label: 'view', buckets, registry: own });
        const slow = new Histogram({ ...what, labelNames: ['view'], buckets, registers: [library] });
        for (const [view, value] of observed) {
          fast.observe(view, value);
          slow.observe({ view }, value);
        }
        expect(await own.metrics()).toBe(await library.metrics());
      }),
    );
  });
});
