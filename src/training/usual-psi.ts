import type { ColumnProfile } from '../contracts/model-bundle.ts';
import type { TrainingSet } from '../contracts/training-set.ts';
import { profilePsi } from '../statistics/divergence.ts';
import { profileCategoriesLike, profileNumbersLike } from '../statistics/profile-column.ts';

/** A window with fewer rows says little: its PSI is mostly chance. */
export const USUAL_ROWS_MIN = 200;

/**
 * The highest PSI that any window of the training rows reached against all of them, by column; 0 where no
 * window is whole. A week of a feature that moves slowly, or goes by the calendar, never looks like a
 * quarter, however well all is: drift begins beyond what such windows did.
 *
 * Windows lie on multiples of their length since the epoch, as those of monitoring do; the first and the
 * last are left out unless the rows fill them.
 * @param rows of the set, in order of decision time
 * @param scores one for each of `rows`
 * @param columns the profile of these rows
 * @param windowMs length of monitoring's windows
 */
export function usualPsi(
  set: TrainingSet,
  rows: Uint32Array,
  scores: Float32Array,
  columns: readonly ColumnProfile[],
  windowMs: number,
): Record<string, number> {
  const usual: Record<string, number> = Object.fromEntries(columns.map(({ name }) => [name, 0]));
  for (const { from, to } of wholeWindows(set, rows, windowMs)) {
    const part = rows.subarray(from, to);
    for (const column of columns) {
      const current = profileLike(column, set, part, scores.subarray(from, to));
      usual[column.name] = Math.max(usual[column.name] as number, profilePsi(column, current));
    }
  }
  return usual;
}

function wholeWindows(set: TrainingSet, rows: Uint32Array, windowMs: number): { from: number; to: number }[] {
  const decided = (i: number): number => set.decisionTimes[rows[i] as number] as number;
  const windows: { from: number; to: number }[] = [];
  for (let from = 0; from < rows.length;) {
    const window = Math.floor(decided(from) / windowMs);
    let to = from;
    while (to < rows.length && decided(to) < (window + 1) * windowMs) to++;
    // What begins with the rows or ends with them was cut short.
    if (from > 0 && to < rows.length && to - from >= USUAL_ROWS_MIN) windows.push({ from, to });
    from = to;
  }
  return windows;
}

function profileLike(
  column: ColumnProfile,
  set: TrainingSet,
  rows: Uint32Array,
  scores: Float32Array,
): ColumnProfile {
  if (column.kind === 'score') {
    return profileNumbersLike(column, { numbers: scores, rows: rows.length, columns: 1, column: 0 });
  }
  if (column.kind === 'number') {
    const at = set.numericNames.indexOf(column.name);
    const values = Float32Array.from(rows, (row) => set.numbers[row * set.numericNames.length + at] as number);
    return profileNumbersLike(column, { numbers: values, rows: rows.length, columns: 1, column: 0 });
  }
  const found = set.categories.find(({ name }) => name === column.name);
  return profileCategoriesLike(
    column,
    Array.from(rows, (row) => found?.dictionary[found.codes[row] as number] ?? null),
  );
}
