import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeState, encodeState } from '../../../src/fold/state-codec.ts';
import { OnlineCatalog } from '../../../src/store/online-catalog.ts';
import { readOnlineRows, statesAsked } from '../../../src/store/online-rows.ts';
import { compileView } from '../../../src/fold/compile-view.ts';
import { featureView } from '../../../src/index.ts';
import { codeOfText, textOfCode } from '../../../src/fold/text-code.ts';
import { naiveFeatures } from '../../support/naive-features.ts';
import { float32Of } from '../../support/naive/float32.ts';
import { naiveFreshFeatures } from '../../support/naive/naive-freshness.ts';
import { contractHistory } from '../fold/contract-arbitrary.ts';
import {
  foldAll,
  history,
  HOUR_MS,
  interleave,
  KEYS,
  picks,
  START_MS,
  type History,
} from '../fold/history-arbitrary.ts';

const asked = [...KEYS, 'never seen', null, KEYS[0]];
const moment = fc.integer({ min: 0, max: 120 * HOUR_MS }).map((after) => START_MS + after);

/** The answer for all keys from states that hold what was known at the moment, and went through the codec. */
function readOnline(drawn: History, order: readonly number[], asOf: number) {
  const plan = new OnlineCatalog({ views: [drawn.view], services: [] }).plan({ views: [drawn.view.name] });
  const known = drawn.events.filter((one) => one.knownTime <= asOf);
  const states = foldAll(drawn.program, interleave(known, order));
  const entities = asked.map((card) => ({ card }));
  const read = statesAsked(plan.views, entities).map(({ program, entityKey }) => {
    const state = states.get(entityKey ?? '');
    return state === undefined ? null : decodeState(program, encodeState(program, state));
  });
  const answer = readOnlineRows(plan, entities, read, asOf, { ages: true, fences: true, texts: true });
  return { answer, known, states };
}

const float32 = (values: readonly unknown[]) =>
  values.map((value) => (value === null ? null : float32Of(value)));

describe('an online read', () => {
  it('equals the naive oracle as of its moment, ages and stale rows included', () => {
    fc.assert(
      fc.property(fc.oneof(history, contractHistory), picks, moment, (drawn, order, asOf) => {
        const { answer, known } = readOnline(drawn, order, asOf);
        const [view] = answer.views;
        asked.forEach((key, row) => {
          const own = known.filter((one) => one.key === key);
          const expected =
            key === null
              ? { features: naiveFeatures(drawn.view, [], asOf), stale: false, ageMs: null }
              : naiveFreshFeatures(drawn.view, own, asOf);
          expect(float32(answer.rows[row]!)).toEqual(float32(Object.values(expected.features)));
          expect(view!.stale.includes(row)).toBe(expected.stale);
          expect(view!.ageMs![row]).toBe(expected.ageMs);
        });
      }),
      { numRuns: 400 },
    );
  });

  it('tells the value that each count of a topK is of', () => {
    const withTop = history.map((drawn): History => {
      const view = featureView({
        name: 'top',
        entity: drawn.view.entity,
        source: drawn.view.source,
        features: () =>
          Object.fromEntries([1, 2, 3, 4].map((rank) => [`t${rank}`, { kind: 'topK', field: 'country', window: '24h', n: 4, rank }])),
      });
      return { view, program: compileView(view), events: drawn.events };
    });
    fc.assert(
      fc.property(withTop, picks, moment, (drawn, order, asOf) => {
        const { answer, known } = readOnline(drawn, order, asOf);
        asked.forEach((key, row) => {
          const texts = answer.views[0]!.texts![row]!;
          const counts = answer.rows[row]!;
          const told = Object.values(texts);
          const own = known.filter((event) => event.key === key);
          const countOf = (country: string) => {
            const one = { ...drawn.view.features['t1']!, kind: 'count', field: null, where: { country } } as const;
            return naiveFeatures({ ...drawn.view, features: { n: one } } as unknown as typeof drawn.view, own, asOf)['n'];
          };
          // Longer than a code has room for: their counts are told, and not what they are.
          const untold = new Set(own.map((event) => event.row['country'] as string | null).filter((country) => country !== null && textOfCode(codeOfText(country)) === null) as string[]);
          const readable = told.filter((text) => text !== null);
          expect(new Set(readable).size).toBe(readable.length);
          for (const [i, count] of counts.entries()) {
            const text = told[i] ?? null;
            if (count === null) expect(text).toBeNull();
            else if (text !== null) expect(count).toBe(countOf(text));
            else expect([...untold].map(countOf)).toContain(count);
          }
        });
      }),
    );
  });

  it('names, per entity, the fence of the state that it saw', () => {
    fc.assert(
      fc.property(history, picks, moment, (drawn, order, asOf) => {
        const { answer, known } = readOnline(drawn, order, asOf);
        asked.forEach((key, row) => {
          const own = known.filter((one) => one.key === key);
          const fence = Object.fromEntries(
            own.map(({ sourcePartition }) => [
              sourcePartition,
              Math.max(
                ...own
                  .filter((one) => one.sourcePartition === sourcePartition)
                  .map((one) => one.sourceOffset),
              ),
            ]),
          );
          expect(answer.views[0]!.fences![row]).toEqual(own.length === 0 ? null : fence);
        });
      }),
      { numRuns: 100 },
    );
  });
});
