import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readFresh } from '../../../src/fold/fresh-read.ts';
import { stateLifeMs } from '../../../src/fold/state-life.ts';
import type { ViewState } from '../../../src/fold/view-state.ts';
import { float32Of } from '../../support/naive/float32.ts';
import { naiveFreshFeatures } from '../../support/naive/naive-freshness.ts';
import { contractHistory } from './contract-arbitrary.ts';
import { apply, history, HOUR_MS, type History, type LoggedEvent } from './history-arbitrary.ts';

/** Something that reaches the fold at a moment of the wall clock: an event for the first time, or again. */
interface Delivery {
  readonly at: number;
  readonly event: LoggedEvent;
}

/** Events with the broker's known times: offsets in their order, the fold a little behind, some delivered again later. */
function deliveriesOf(drawn: History, lags: readonly number[], again: readonly number[]): Delivery[] {
  const next = new Map<number, number>();
  const ordered = [...drawn.events].sort((a, b) => a.knownTime - b.knownTime);
  const first = ordered.map((event, i): Delivery => {
    const sourceOffset = next.get(event.sourcePartition) ?? 0;
    next.set(event.sourcePartition, sourceOffset + 1);
    return { at: event.knownTime + (lags[i % lags.length] ?? 0), event: { ...event, sourceOffset } };
  });
  // In the order of offsets within a partition, as a topic is: what comes first is never overtaken, nor comes again before.
  let latest = -Infinity;
  const behind = first.map(({ at, event }) => ({ at: (latest = Math.max(latest, at)), event }));
  const repeated = behind.flatMap(({ at, event }, i): Delivery[] => {
    const later = again[i % again.length] ?? 0;
    return later === 0 ? [] : [{ at: at + later, event }];
  });
  return [...behind, ...repeated].sort((a, b) => a.at - b.at);
}

test('states that end after their lives read as if they had been kept, events that are delivered again included', () => {
  const lag = fc.integer({ min: 0, max: 60_000 });
  const pause = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 100 * HOUR_MS }));
  const some = { minLength: 1, maxLength: 8 };
  let ended = 0;
  fc.assert(
    fc.property(
      fc.oneof(history, contractHistory),
      fc.array(lag, some),
      fc.array(pause, some),
      (drawn, lags, again) => {
        const { program, view } = drawn;
        // A view with a lifetime keeps its states.
        const lifeMs = stateLifeMs(program) ?? Infinity;
        const states = new Map<string, ViewState>();
        const writtenAt = new Map<string, number>();
        const seen = new Set<LoggedEvent>();
        const out = new Float64Array(program.featureNames.length);
        for (const { at, event } of deliveriesOf(drawn, lags, again)) {
          for (const [key, then] of writtenAt) {
            if (at - then < lifeMs) continue;
            states.delete(key);
            writtenAt.delete(key);
            ended++;
          }
          if (apply(program, states, event)) writtenAt.set(event.key, at);
          seen.add(event);
          const own = [...seen].filter((one) => one.key === event.key);
          const expected = naiveFreshFeatures(view, own, at);
          const stale = readFresh(program, states.get(event.key) ?? null, at, out, 0);
          expect(Array.from(out, float32Of)).toEqual(
            Object.values(expected.features).map(float32Of),
          );
          expect(stale).toBe(expected.stale);
        }
      },
    ),
    { numRuns: 300 },
  );
  // Else nothing was tried.
  expect(ended).toBeGreaterThan(100);
});
