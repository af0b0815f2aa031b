import type { Fence } from '../../contracts/decision.ts';
import type { FeatureView } from '../../define/feature-view.ts';
import type { Queryable, SqlValue } from '../../infra/postgres.ts';
import { quoteIdentifier as quote } from '../../infra/postgres.ts';
import { viewQuery, type Visibility } from './view-query.ts';

/** What is read: an entity as of a moment, and for a read up to a fence what it saw. */
export interface TwinRow {
  /** Values of the entity's key fields in order; a null one belongs to no events. */
  readonly key: readonly (string | null)[];
  /** Whole ms since the epoch. */
  readonly asOf: number;
  readonly fence?: Fence;
}

/** Most rows of one query: bounds what Postgres joins at once. */
export const TWIN_ROWS_MAX = 5_000;

/**
 * The features of each row as of its moment, recomputed by SQL from the raw rows of the offline log: row-major in
 * the order of the view, NaN is null. Shares no arithmetic with the fold.
 * @param visibility `known`: what was known at the moment; `fence`: what a live read saw, up to its fences
 * @throws MillraceError FEATURE_SQL_UNSUPPORTED, STORE_UNAVAILABLE
 */
export async function readTwin(
  db: Queryable,
  view: FeatureView,
  rows: readonly TwinRow[],
  visibility: Visibility,
): Promise<Float64Array> {
  const width = Object.keys(view.features).length;
  const values = new Float64Array(rows.length * width).fill(NaN);
  const text = viewQuery(view, {
    spine: spineSql(view, visibility),
    visibility,
    lead: ['w."spine row"'],
    bucketed: true,
  });
  for (let from = 0; from < rows.length; from += TWIN_ROWS_MAX) {
    const chunk = rows.slice(from, from + TWIN_ROWS_MAX);
    for (const [row, ...features] of await db.queryArrays(text, spineValues(view, chunk, visibility))) {
      const at = (from + (row as number)) * width;
      features.forEach((value, f) => {
        if (value !== null) values[at + f] = value as number;
      });
    }
  }
  return values;
}

/** The rows as a query of moments, as `ViewQuery.spine` wants them, and its parameters. */
export function twinSpine(
  view: FeatureView,
  rows: readonly TwinRow[],
  visibility: Visibility,
): { sql: string; values: SqlValue[] } {
  return { sql: spineSql(view, visibility), values: spineValues(view, rows, visibility) };
}

function spineSql(view: FeatureView, visibility: Visibility): string {
  const columns = ['"spine row"', '"as of ms"', ...view.entity.keys.map(quote)];
  const types = ['int', 'bigint', ...view.entity.keys.map(() => 'text')];
  if (visibility === 'fence') {
    columns.push('"fence"');
    types.push('text');
  }
  const arrays = types.map((type, i) => `$${i + 1}::${type}[]`).join(', ');
  const selected = columns.map((column) => (column === '"fence"' ? `${column}::bigint[]` : column)).join(', ');
  return `SELECT ${selected}\nFROM unnest(${arrays}) AS given(${columns.join(', ')})`;
}

function spineValues(view: FeatureView, rows: readonly TwinRow[], visibility: Visibility) {
  return [
    rows.map((_, i) => i),
    rows.map((row) => row.asOf),
    ...view.entity.keys.map((_, k) => rows.map((row) => row.key[k] ?? null)),
    ...(visibility === 'fence' ? [rows.map((row) => fenceArray(row.fence ?? {}))] : []),
  ];
}

/** By source partition from 0, as the text of a bigint[]; -1 has let nothing through. */
export function fenceArray(fence: Fence): string {
  const partitions = Object.keys(fence).map(Number);
  const length = partitions.length === 0 ? 0 : Math.max(...partitions) + 1;
  return `{${Array.from({ length }, (_, partition) => String(fence[partition] ?? -1)).join(',')}}`;
}
