import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Aggregations } from '../../../src/define/aggregations.ts';
import { compileView } from '../../../src/fold/compile-view.ts';
import type { Field } from '../../../src/define/field.ts';
import { featureView, type FeatureView } from '../../../src/index.ts';
import { foldAll, history, interleave, KEYS, picks, read, START_MS, type History } from './history-arbitrary.ts';

/** The histories' events under a view of histograms. */
function withHistograms(drawn: History): History {
  const view: FeatureView = featureView({
    name: 'bins',
    entity: drawn.view.entity,
    source: drawn.view.source,
    features: (all) => {
      const a = all as unknown as Aggregations<{ country: Field<'string', true>; fee: Field<'number', true> }>;
      return {
        all: a.count({ window: 'lifetime' }),
        lands: a.histogram('country', { window: 'lifetime', values: ['NO', 'SE'] }),
        fees: a.histogram('fee', { window: 'lifetime', edges: [-1_000, 0, 1_000] }),
      };
    },
  });
  return { view, program: compileView(view), events: drawn.events };
}

describe('a histogram', () => {
  it('puts each event whose field is not null into exactly one bin, the one that holds it', () => {
    fc.assert(
      fc.property(history.map(withHistograms), picks, ({ program, events }, order) => {
        const states = foldAll(program, interleave(events, order));
        for (const key of KEYS) {
          const own = events.filter((one) => one.key === key);
          const bins = { NO: 0, SE: 0, other: 0, below: 0, low: 0, high: 0, from: 0 };
          for (const { row } of own) {
            const country = row['country'] as string | null;
            if (country === 'NO' || country === 'SE') bins[country]++;
            else if (country !== null) bins.other++;
            const fee = row['fee'] as number | null;
            if (fee === null) continue;
            if (fee < -1_000) bins.below++;
            else if (fee < 0) bins.low++;
            else if (fee < 1_000) bins.high++;
            else bins.from++;
          }
          const found = read(program, states.get(key), states.get(key)?.newestKnownTime ?? START_MS);
          expect(found).toEqual([own.length, ...Object.values(bins)]);
        }
      }),
    );
  });
});
