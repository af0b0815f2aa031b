import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LabelledCounter, type CounterSeries } from '../../../src/infra/labelled-counter.ts';
import { Counter, Registry } from '../../../src/infra/metrics.ts';

const what = { name: 'millrace_some_total', help: 'Some things.' };
const outcomes = ['answered', 'failed', 'a"b', ''];
/** What is counted of an outcome; null removes its series. */
const events = fc.array(fc.tuple(fc.constantFrom(...outcomes), fc.option(fc.nat(5), { freq: 5 })), { maxLength: 40 });

test('a labelled counter tells Prometheus what the client library would, whatever is counted and removed', async () => {
  await fc.assert(
    fc.asyncProperty(events, async (found) => {
      const [own, library] = [new Registry(), new Registry()];
      const fast = new LabelledCounter({ ...what, registry: own });
      const series = new Map<string, CounterSeries>();
      const slow = new Counter({ ...what, labelNames: ['outcome'], registers: [library] });
      for (const [outcome, count] of found) {
        const held = series.get(outcome);
        if (count === null) {
          if (held !== undefined) fast.remove(held);
          series.delete(outcome);
          slow.remove({ outcome });
        } else {
          const counted = held ?? fast.add({ outcome });
          series.set(outcome, counted);
          counted.value += count;
          slow.inc({ outcome }, count);
        }
      }
      expect(await own.metrics()).toBe(await library.metrics());
    }),
  );
});
