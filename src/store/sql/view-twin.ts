import type { Fence } from '../../contracts/decision.ts';
import type { FeatureView } from '../../define/feature-view.ts';
import type { Queryable, SqlValue } from '../../infra/postgres.ts';
import { quoteIdentifier as quote } from '../../infra/postgres.ts';
import { logRelation } from '../cold-log/log-relation.ts';
import { batchQuery } from './batch-query.ts';
import { postgresDialect } from './sql-dialect.ts';
import type { Visibility } from './visible-events.ts';

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
  const [values] = await readTwins(db, view, rows, [visibility]);
  return values as Float64Array;
}

/** `readTwin` in several ways at once, which costs little more than in one: values by visibility, in the given order. */
export async function readTwins(
  db: Queryable,
  view: FeatureView,
  rows: readonly TwinRow[],
  visibilities: readonly Visibility[],
): Promise<Float64Array[]> {
  const width = Object.keys(view.features).length;
  const { distinct, placeOf } = distinctRows(rows);
  const hasFence = visibilities.includes('fence');
  const text = batchQuery(view, spineSql(view, hasFence), visibilities, logRelation(db, view.source.name));
  const values = visibilities.map(() => new Float64Array(distinct.length * width).fill(NaN));
  for (let from = 0; from < distinct.length; from += TWIN_ROWS_MAX) {
    const chunk = distinct.slice(from, from + TWIN_ROWS_MAX);
    for (const [row, ...features] of await db.queryArrays(text, spineValues(view, chunk, hasFence))) {
      const at = (from + (row as number)) * width;
      features.forEach((value, i) => {
        if (value !== null) (values[Math.floor(i / width)] as Float64Array)[at + (i % width)] = value as number;
      });
    }
  }
  return values.map((own) => {
    const out = new Float64Array(rows.length * width);
    placeOf.forEach((place, i) => out.set(own.subarray(place * width, (place + 1) * width), i * width));
    return out;
  });
}

/** Decisions of one moment about one entity read the same: it is computed once. */
function distinctRows(rows: readonly TwinRow[]): { distinct: TwinRow[]; placeOf: number[] } {
  const places = new Map<string, number>();
  const distinct: TwinRow[] = [];
  const placeOf = rows.map((row) => {
    const text = JSON.stringify([row.asOf, row.key, row.fence ?? null]);
    const found = places.get(text);
    if (found !== undefined) return found;
    places.set(text, distinct.length);
    return distinct.push(row) - 1;
  });
  return { distinct, placeOf };
}

/** The rows as a query of moments, as `ViewQuery.spine` wants them, and its parameters. */
export function twinSpine(
  view: FeatureView,
  rows: readonly TwinRow[],
  visibility: Visibility,
): { sql: string; values: SqlValue[] } {
  const hasFence = visibility === 'fence';
  return { sql: spineSql(view, hasFence), values: spineValues(view, rows, hasFence) };
}

function spineSql(view: FeatureView, hasFence: boolean): string {
  const columns = ['"spine row"', '"as of ms"', ...view.entity.keys.map(quote)];
  const types = ['int', 'bigint', ...view.entity.keys.map(() => 'text')];
  if (hasFence) {
    columns.push('"fence"');
    types.push('text');
  }
  const arrays = types.map((type, i) => `$${i + 1}::${type}[]`).join(', ');
  const selected = columns.map((column) => (column === '"fence"' ? `${column}::bigint[]` : column)).join(', ');
  return `SELECT ${selected}\nFROM unnest(${arrays}) AS given(${columns.join(', ')})`;
}

function spineValues(view: FeatureView, rows: readonly TwinRow[], hasFence: boolean) {
  return [
    rows.map((_, i) => i),
    rows.map((row) => row.asOf),
    ...view.entity.keys.map((_, k) => rows.map((row) => row.key[k] ?? null)),
    ...(hasFence ? [rows.map((row) => fenceArray(row.fence ?? {}))] : []),
  ];
}

/** By source partition from 0, as the text of a bigint[]; -1 has let nothing through. */
export const fenceArray = (fence: Fence): string => postgresDialect.fenceText(fence);
