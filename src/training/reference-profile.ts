import { SCORE_COLUMN, type ReferenceProfile } from '../contracts/model-bundle.ts';
import type { TrainingSet } from '../contracts/training-set.ts';
import { usualPsi } from './usual-psi.ts';
import { profileCounts, profileNumbers } from '../statistics/profile-column.ts';

/**
 * Histograms of what the registered network learned from and of the scores that it gives to it: the
 * reference that monitoring compares with. Order: numbers, categories, score.
 * @param scores one for each of `rows`
 * @param windowMs length of monitoring's windows
 */
export function profileTraining(
  set: TrainingSet,
  rows: Uint32Array,
  scores: Float32Array,
  windowMs: number,
): ReferenceProfile {
  const columns = set.numericNames.length;
  const values = new Float32Array(rows.length);
  const numbers = set.numericNames.map((name, column) => {
    rows.forEach((row, i) => {
      values[i] = set.numbers[row * columns + column] as number;
    });
    return profileNumbers(name, { numbers: values, rows: rows.length, columns: 1, column: 0 });
  });
  const categories = set.categories.map(({ name, dictionary, codes }) => {
    const counts = new Uint32Array(dictionary.length);
    for (const row of rows) {
      const code = codes[row] as number;
      if (code >= 0) counts[code]!++;
    }
    const present = new Map<string, number>();
    dictionary.forEach((value, code) => {
      if (counts[code] !== 0) present.set(value, counts[code] as number);
    });
    return profileCounts(name, present, rows.length);
  });
  const score = profileNumbers(
    SCORE_COLUMN,
    { numbers: scores, rows: scores.length, columns: 1, column: 0 },
    'score',
  );
  const all = [...numbers, ...categories, score];
  return { columns: all, usualPsi: usualPsi(set, rows, scores, all, windowMs) };
}
