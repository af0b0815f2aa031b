import { SCORE_COLUMN, type ColumnProfile, type ModelSignature, type ReferenceProfile } from '../contracts/model-bundle.ts';
import { profilePsi } from '../statistics/divergence.ts';
import { evaluateSlice } from '../statistics/evaluate-slice.ts';
import { profileCategoriesLike, profileNumbersLike } from '../statistics/profile-column.ts';
import type { WindowSpan } from './closed-windows.ts';
import type { TriggerPolicy } from './monitored-model.ts';
import type { WindowRow } from './read-window.ts';
import type { WindowReport } from './window-report.ts';

/** What the version that served the window was trained on. */
export interface WindowReference {
  readonly version: number;
  readonly profile: ReferenceProfile;
  readonly signature: ModelSignature;
}

const FLOAT_BYTES = 4;

/** Drift of the rows that the reference's version answered, and outcomes of all champion answers. */
export function evaluateWindow(
  span: WindowSpan,
  rows: readonly WindowRow[],
  reference: WindowReference,
  policy: Pick<TriggerPolicy, 'featurePsi' | 'predictionPsi' | 'ignoreDrift'>,
): WindowReport {
  const labelled = rows.filter((row) => row.label !== null);
  const outcomes =
    labelled.length === 0
      ? null
      : evaluateSlice('window', labelled.map((row) => row.score), labelled.map((row) => Number(row.label)));
  const { features, score } = driftOf(rows.filter((row) => row.version === reference.version), reference);
  const { usualPsi } = reference.profile;
  const counted = [...features]
    .filter(([name]) => !policy.ignoreDrift.includes(name))
    .map(([name, psi]) => ({ name, psi, limit: Math.max(policy.featurePsi, usualPsi[name] ?? 0) }))
    .sort((a, b) => b.psi / b.limit - a.psi / a.limit);
  return {
    ...span,
    version: reference.version,
    decisions: rows.length,
    labelled: labelled.length,
    auc: outcomes?.auc ?? null,
    logLoss: outcomes?.logLoss ?? null,
    brier: outcomes?.brier ?? null,
    calibrationError: outcomes?.calibrationError ?? null,
    meanScore: rows.length === 0 ? null : rows.reduce((sum, row) => sum + row.score, 0) / rows.length,
    baseRate: outcomes?.baseRate ?? null,
    predictionPsi: score,
    predictionPsiLimit: Math.max(policy.predictionPsi, usualPsi[SCORE_COLUMN] ?? 0),
    worstFeature: counted[0] ?? null,
    driftedFeatures: counted.filter(({ psi, limit }) => psi > limit).length,
    featurePsi: Object.fromEntries(features),
  };
}

function driftOf(rows: readonly WindowRow[], { profile, signature }: WindowReference): { features: Map<string, number>; score: number | null } {
  const block = numbersOf(rows, signature.numericNames.length);
  const features = new Map<string, number>();
  let score: number | null = null;
  if (rows.length === 0) return { features, score };
  for (const column of profile.columns) {
    const current = currentColumn(column, rows, block, signature);
    if (current === null) continue;
    if (column.kind === 'score') score = profilePsi(column, current);
    else features.set(column.name, profilePsi(column, current));
  }
  return { features, score };
}

/** The window's column over the reference's bins; null where the signature does not know the column. */
function currentColumn(
  reference: ColumnProfile,
  rows: readonly WindowRow[],
  numbers: Float32Array,
  signature: ModelSignature,
): ColumnProfile | null {
  const columns = signature.numericNames.length;
  switch (reference.kind) {
    case 'score':
      return profileNumbersLike(reference, { numbers: rows.map((row) => row.score), rows: rows.length, columns: 1, column: 0 });
    case 'number': {
      const column = signature.numericNames.indexOf(reference.name);
      return column < 0 ? null : profileNumbersLike(reference, { numbers, rows: rows.length, columns, column });
    }
    case 'category': {
      const at = signature.categories.findIndex(({ name }) => name === reference.name);
      return at < 0 ? null : profileCategoriesLike(reference, rows.map((row) => row.categories[at] ?? null));
    }
  }
}

/** All rows' numbers as one row-major block; a number that a row lacks is null, that is NaN. */
function numbersOf(rows: readonly WindowRow[], columns: number): Float32Array {
  const block = new Float32Array(rows.length * columns).fill(Number.NaN);
  rows.forEach(({ numbers }, row) => {
    const count = Math.min(columns, Math.floor(numbers.length / FLOAT_BYTES));
    for (let i = 0; i < count; i++) block[row * columns + i] = numbers.readFloatLE(i * FLOAT_BYTES);
  });
  return block;
}
