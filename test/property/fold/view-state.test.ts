import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { READ_GRACE_MS } from '../../../src/fold/plan-resolution.ts';
import { decodeState, encodeState } from '../../../src/fold/state-codec.ts';
import type { ViewState } from '../../../src/fold/view-state.ts';
import { exactAggregation, quantileAggregation } from './aggregation-arbitrary.ts';
import * as arbitrary from './history-arbitrary.ts';

const { foldAll, history, historyOf, HOUR_MS, interleave, KEYS, picks, read, readNaively, START_MS } =
  arbitrary;

describe('the fold', () => {
  it('reads the same as the naive oracle wherever no tile was dropped, in any order of arrival', () => {
    fc.assert(
      fc.property(
        history,
        picks,
        fc.integer({ min: -READ_GRACE_MS, max: 50 * HOUR_MS }),
        (drawn, order, lead) => {
          const states = foldAll(drawn.program, interleave(drawn.events, order));
          for (const key of KEYS) {
            const state = states.get(key);
            const asOf = (state?.newestKnownTime ?? START_MS) + lead;
            expect(read(drawn.program, state, asOf)).toEqual(readNaively(drawn, key, asOf, drawn.events));
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('ends with the same fences and the same tiles in any order of arrival', () => {
    fc.assert(
      fc.property(history, picks, picks, (drawn, first, second) => {
        const one = foldAll(drawn.program, interleave(drawn.events, first));
        const other = foldAll(drawn.program, interleave(drawn.events, second));
        for (const key of one.keys()) {
          expect(other.get(key)?.fences).toEqual(one.get(key)?.fences);
          const tilesOf = (states: typeof one) =>
            states.get(key)?.runs.map((run) => Array.from({ length: run.count }, (_, n) => run.tileAt(n)));
          expect(tilesOf(other)).toEqual(tilesOf(one));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('ends with the same bytes in any order of arrival, where nothing is summed', () => {
    fc.assert(
      fc.property(historyOf(exactAggregation), picks, picks, (drawn, first, second) => {
        const one = foldAll(drawn.program, interleave(drawn.events, first));
        const other = foldAll(drawn.program, interleave(drawn.events, second));
        for (const [key, state] of one) {
          const bytes = encodeState(drawn.program, other.get(key)!);
          expect(bytes).toEqual(encodeState(drawn.program, state));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('reads quantiles within their error of the oracle, as does a state that was written and read', () => {
    fc.assert(
      fc.property(historyOf(quantileAggregation), picks, (drawn, order) => {
        const states = foldAll(drawn.program, interleave(drawn.events, order));
        for (const key of KEYS) {
          const state = states.get(key);
          const asOf = (state?.newestKnownTime ?? START_MS) + 1;
          const found = read(drawn.program, state, asOf);
          readNaively(drawn, key, asOf, drawn.events).forEach((exact, i) => {
            if (Number.isNaN(exact)) expect(found[i]).toBe(NaN);
            else expect(Math.abs(found[i]! - exact)).toBeLessThanOrEqual(0.010_001 * Math.abs(exact));
          });
          if (state === undefined) continue;
          const again = decodeState(drawn.program, encodeState(drawn.program, state));
          expect(read(drawn.program, again, asOf)).toEqual(found);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('is not changed by events that are delivered again', () => {
    fc.assert(
      fc.property(history, fc.array(fc.nat({ max: 59 }), { maxLength: 20 }), (drawn, again) => {
        const { program, events } = drawn;
        const once = foldAll(program, events);
        const states = new Map<string, ViewState>();
        events.forEach((one, i) => {
          expect(arbitrary.apply(program, states, one)).toBe(true);
          for (const earlier of again) {
            if (earlier <= i) expect(arbitrary.apply(program, states, events[earlier]!)).toBe(false);
          }
        });
        for (const [key, state] of once)
          expect(encodeState(program, states.get(key)!)).toEqual(encodeState(program, state));
      }),
      { numRuns: 200 },
    );
  });
});
