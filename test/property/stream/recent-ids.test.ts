import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RecentIds } from '../../../src/stream/recent-ids.ts';

const WINDOW_MS = 100;
const event = fc.record({
  id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
  knownTime: fc.integer({ min: 0, max: 1_000 }),
});

test('what is remembered never contradicts the full history, and ids of late are answered without it', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), fc.integer({ min: 2, max: 20 }), (events, idsMax) => {
      const recent = new RecentIds(WINDOW_MS, -Infinity, idsMax);
      const accepted: typeof events = [];
      for (const next of events) {
        const isDuplicate = accepted.some(
          (e) => e.id === next.id && Math.abs(e.knownTime - next.knownTime) <= WINDOW_MS,
        );
        const answer = recent.has(next.id, next.knownTime);
        if (answer !== 'ask') expect(answer).toBe(isDuplicate ? 'duplicate' : 'new');
        if (isDuplicate) continue;
        accepted.push(next);
        recent.add([next]);
      }
    }),
  );
});

test('with known times in order and room for two windows, the log is never asked for a new id', () => {
  const recent = new RecentIds(WINDOW_MS, -Infinity, 1_000);
  for (let n = 0; n < 2_000; n++) {
    expect(recent.has(`id${n}`, n)).toBe('new');
    recent.add([{ id: `id${n}`, knownTime: n }]);
    expect(recent.has(`id${Math.max(0, n - WINDOW_MS)}`, n)).toBe('duplicate');
  }
});
