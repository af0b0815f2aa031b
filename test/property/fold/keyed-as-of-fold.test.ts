import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupSpine, KeyedAsOfFold, NO_KEY } from '../../../src/fold/keyed-as-of-fold.ts';
import { prepareEvent } from '../../../src/fold/compile-view.ts';
import { naiveFeatures } from '../../support/naive-features.ts';
import { float32Of } from '../../support/naive/float32.ts';
import { naiveFreshFeatures } from '../../support/naive/naive-freshness.ts';
import { contractHistory } from './contract-arbitrary.ts';
import { history, HOUR_MS, KEYS, START_MS, type History, type LoggedEvent } from './history-arbitrary.ts';

const moments = fc.array(
  fc.record({
    key: fc.constantFrom(...KEYS, 'never seen', null),
    asOf: fc.oneof(
      fc.integer({ min: 0, max: 10 }).map((n) => START_MS + n * 300_000),
      fc.integer({ min: -HOUR_MS, max: 120 * HOUR_MS }).map((after) => START_MS + after),
    ),
  }),
  { maxLength: 20 },
);
type Moments = readonly { readonly key: string | null; readonly asOf: number }[];

function readAsOf({ program, events }: History, rows: Moments, visibleAt: (one: LoggedEvent) => number) {
  const width = program.featureNames.length;
  const out = new Float64Array(rows.length * width).fill(-1);
  const stale = new Uint8Array(rows.length);
  const keys = [...new Set(rows.flatMap(({ key }) => (key === null ? [] : [key])))];
  const keyIds = Int32Array.from(rows, ({ key }) => (key === null ? NO_KEY : keys.indexOf(key)));
  const spine = groupSpine(
    keyIds,
    Float64Array.from(rows, (row) => row.asOf),
    keys.length,
  );
  const fold = new KeyedAsOfFold(program, spine, out, stale);
  const inputs = new Float64Array(program.inputCount);
  for (const one of [...events].sort((a, b) => visibleAt(a) - visibleAt(b))) {
    const key = keys.indexOf(one.key);
    if (key < 0) continue;
    prepareEvent(program, one.row, inputs, 0);
    fold.add(key, one.effectiveTime, visibleAt(one), inputs, 0);
  }
  fold.finishAll(keyIds);
  return rows.map((_, row) => ({
    values: Array.from(out.subarray(row * width, (row + 1) * width), float32Of),
    stale: stale[row] === 1,
  }));
}

function readNaively({ view, events }: History, { key, asOf }: Moments[number]) {
  const seen = events.filter((one) => one.key === key && one.knownTime <= asOf);
  const { features, stale } =
    key === null
      ? { features: naiveFeatures(view, [], asOf), stale: false }
      : naiveFreshFeatures(view, seen, asOf);
  return { values: Object.values(features).map(float32Of), stale };
}

describe('a fold over the events of many keys that stream by', () => {
  it('equals the naive oracle on what was known at each moment', () => {
    fc.assert(
      fc.property(fc.oneof(history, contractHistory), moments, (drawn, rows) => {
        const found = readAsOf(drawn, rows, (one) => one.knownTime);
        expect(found).toEqual(rows.map((row) => readNaively(drawn, row)));
      }),
      { numRuns: 300 },
    );
  });

  it('equals it on what had happened, as if each event had been known when it happened', () => {
    fc.assert(
      fc.property(fc.oneof(history, contractHistory), moments, (drawn, rows) => {
        const found = readAsOf(drawn, rows, (one) => one.effectiveTime);
        const prompt = {
          ...drawn,
          events: drawn.events.map((one) => ({ ...one, knownTime: one.effectiveTime })),
        };
        expect(found).toEqual(rows.map((row) => readNaively(prompt, row)));
      }),
      { numRuns: 300 },
    );
  });

  it('never sees the future: events known later change nothing', () => {
    fc.assert(
      fc.property(history, moments, (drawn, rows) => {
        for (const row of rows) {
          const past = drawn.events.filter((one) => one.knownTime <= row.asOf);
          const byKnown = (one: LoggedEvent): number => one.knownTime;
          expect(readAsOf(drawn, [row], byKnown)).toEqual(readAsOf({ ...drawn, events: past }, [row], byKnown));
        }
      }),
      { numRuns: 100 },
    );
  });

  it('stops on events that are out of order', () => {
    fc.assert(
      fc.property(history, (drawn) => {
        const [one] = drawn.events;
        fc.pre(one !== undefined);
        const spine = groupSpine(Int32Array.of(0), Float64Array.of(START_MS), 1);
        const out = new Float64Array(drawn.program.featureNames.length);
        const fold = new KeyedAsOfFold(drawn.program, spine, out, new Uint8Array(1));
        const inputs = new Float64Array(drawn.program.inputCount);
        fold.add(0, 1, 2, inputs, 0);
        expect(() => fold.add(0, 1, 1, inputs, 0)).toThrow(/in the order of their times/);
      }),
      { numRuns: 5 },
    );
  });
});
