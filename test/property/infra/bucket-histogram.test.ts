import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BucketHistogram, type BucketSeries } from '../../../src/infra/bucket-histogram.ts';
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
        const fast = new BucketHistogram({ ...what, buckets, registry: own });
        const series = new Map<string, BucketSeries>();
        const slow = new Histogram({ ...what, labelNames: ['view'], buckets, registers: [library] });
        for (const [view, value] of observed) {
          if (!series.has(view)) series.set(view, fast.add({ view }));
          series.get(view)?.observe(value);
          slow.observe({ view }, value);
        }
        expect(await own.metrics()).toBe(await library.metrics());
      }),
    );
  });

  it('no longer tells of a series that was removed', async () => {
    const registry = new Registry();
    const histogram = new BucketHistogram({ ...what, buckets, registry });
    const [first, second] = [1, 2].map((version) => histogram.add({ model: 'delay', version }));
    for (const series of [first, second]) series?.observe(7);
    histogram.remove(first as BucketSeries);
    const text = await registry.metrics();
    expect(text).toContain('millrace_some_seconds_count{model="delay",version="2"} 1');
    expect(text).not.toContain('version="1"');
  });
});
