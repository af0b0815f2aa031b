import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prepareEvent } from '../../../src/fold/compile-view.ts';
import { foldAsOf, type EventColumns, type Spine } from '../../../src/fold/point-in-time.ts';
import { float32Of } from '../../support/naive/float32.ts';
import { naiveFreshFeatures } from '../../support/naive/naive-freshness.ts';
import { contractHistory } from './contract-arbitrary.ts';
import {
  history,
  HOUR_MS,
  KEYS,
  readNaively,
  START_MS,
  type History,
  type LoggedEvent,
} from './history-arbitrary.ts';

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

function columnsOf({ program }: History, events: readonly LoggedEvent[]): EventColumns {
  const inputs = new Float64Array(events.length * program.inputCount);
  events.forEach((one, i) => prepareEvent(program, one.row, inputs, i * program.inputCount));
  return {
    keys: events.map((one) => one.key),
    effectiveTime: Float64Array.from(events, (one) => one.effectiveTime),
    knownTime: Float64Array.from(events, (one) => one.knownTime),
    inputs,
  };
}

function readAsOf(
  drawn: History,
  events: readonly LoggedEvent[],
  spine: Spine,
  stale?: Uint8Array,
): number[][] {
  const width = drawn.program.featureNames.length;
  const out = new Float64Array(spine.asOf.length * width).fill(-1);
  foldAsOf(drawn.program, columnsOf(drawn, events), spine, out, stale);
  return Array.from(spine.asOf, (_, row) =>
    Array.from(out.subarray(row * width, (row + 1) * width), float32Of),
  );
}

describe('a point-in-time read', () => {
  it('equals the naive oracle on what was known at its moment, for a spine in any order', () => {
    fc.assert(
      fc.property(history, moments, (drawn, rows) => {
        const spine = { keys: rows.map((row) => row.key), asOf: Float64Array.from(rows, (row) => row.asOf) };
        const found = readAsOf(drawn, drawn.events, spine);
        rows.forEach(({ key, asOf }, row) => {
          const known = drawn.events.filter((one) => one.knownTime <= asOf);
          expect(found[row]).toEqual(readNaively(drawn, key ?? 'none', asOf, known));
        });
      }),
      { numRuns: 500 },
    );
  });

  it('keeps to the contract of its view: null or no events by the age as of its moment, and says which rows are stale', () => {
    fc.assert(
      fc.property(contractHistory, moments, (drawn, rows) => {
        const spine = { keys: rows.map((row) => row.key), asOf: Float64Array.from(rows, (row) => row.asOf) };
        const stale = new Uint8Array(rows.length);
        const found = readAsOf(drawn, drawn.events, spine, stale);
        rows.forEach(({ key, asOf }, row) => {
          if (key === null) {
            expect([found[row], stale[row]]).toEqual([readNaively(drawn, 'none', asOf, []), 0]);
            return;
          }
          const known = drawn.events.filter((one) => one.key === key && one.knownTime <= asOf);
          const expected = naiveFreshFeatures(drawn.view, known, asOf);
          expect(found[row]).toEqual(
            Object.values(expected.features).map(float32Of),
          );
          expect(stale[row] === 1).toBe(expected.stale);
        });
      }),
      { numRuns: 300 },
    );
  });

  it('never sees the future: events known later change nothing', () => {
    fc.assert(
      fc.property(history, moments, (drawn, rows) => {
        for (const { key, asOf } of rows) {
          const spine = { keys: [key], asOf: Float64Array.of(asOf) };
          const past = drawn.events.filter((one) => one.knownTime <= asOf);
          expect(readAsOf(drawn, drawn.events, spine)).toEqual(readAsOf(drawn, past, spine));
        }
      }),
      { numRuns: 100 },
    );
  });
});
