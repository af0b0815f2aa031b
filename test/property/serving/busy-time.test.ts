import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BusyTime } from '../../../serving/batcher/busy-time.ts';

it('counts each moment once, however spans overlap', () => {
  const span = fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 10 })).map(([from, length]) => [from, from + length] as const);
  fc.assert(
    fc.property(fc.array(span, { maxLength: 12 }), (spans) => {
      const time = new BusyTime();
      for (const [from, to] of spans.toSorted(([, a], [, b]) => a - b)) time.add(from, to);
      const busy = Array.from({ length: 50 }, (_, at) => at).filter((at) => spans.some(([from, to]) => from <= at && at < to));
      expect(time.total).toBe(busy.length);
    }),
  );
});
