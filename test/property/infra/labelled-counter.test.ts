import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LabelledCounter } from '../../../src/infra/labelled-counter.ts';
import { Counter, Registry } from '../../../src/infra/metrics.ts';

const what = { name: 'millrace_some_total', help: 'Some things.', labelNames: ['model', 'outcome'] } as const;
const labels = fc.record({ model: fc.constantFrom('a', 'b', 'a"b'), outcome: fc.constantFrom('answered', 'failed', '","') });
const events = fc.array(fc.oneof({ weight: 5, arbitrary: fc.record({ labels, count: fc.nat(5) }) }, fc.record({ labels, count: fc.constant(null) })), { maxLength: 40 });

test('a labelled counter tells Prometheus what the client library would, whatever is counted and removed', async () => {
  await fc.assert(
    fc.asyncProperty(events, async (found) => {
      const [own, library] = [new Registry(), new Registry()];
      const fast = new LabelledCounter({ ...what, registry: own });
      const slow = new Counter({ ...what, registers: [library] });
      for (const event of found) {
        if (event.count === null) {
          fast.remove(event.labels);
          slow.remove(event.labels);
        } else {
          fast.of(event.labels).value += event.count;
          slow.inc(event.labels, event.count);
        }
      }
      expect(await own.metrics()).toBe(await library.metrics());
    }),
  );
});
