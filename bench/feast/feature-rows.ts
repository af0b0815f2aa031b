import path from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { columnsOf, VIEW_WIDTHS, type ViewName } from './feast-project.ts';

export const ROWS = 1_000_000;
export const ENTITIES = 100_000;
export const SPINE_ROWS = 50_000;
/** A month: the rows lie in it, and the spine in its second half. */
const FROM = Date.UTC(2026, 0, 1);
const SPAN_MS = 30 * 86_400_000;

/** After all rows. */
export const AS_OF = Date.UTC(2026, 1, 1);
export const viewNames = VIEW_WIDTHS.map(([view]) => view);
/** Some customers, far apart from one another and from the next ones. */
export const customersOf = (first: number, size: number): string[] =>
  Array.from({ length: size }, (_, i) => `c${((first + i) * 7_919) % ENTITIES}`);

export const rowsOf = (view: ViewName): number =>
  Math.floor(ROWS / VIEW_WIDTHS.length) + (view === VIEW_WIDTHS[0][0] ? ROWS % VIEW_WIDTHS.length : 0);

export async function openDuckDb(): Promise<DuckDBConnection> {
  const instance = await DuckDBInstance.create(':memory:');
  return await instance.connect();
}

/**
 * Writes `<view>.parquet` and `spine.parquet` to a folder, the same bytes of values each time: every number is a hash of
 * its place. Times of one entity differ, so that no engine has a tie to break.
 */
export async function writeFeatureRows(duckDb: DuckDBConnection, folder: string): Promise<void> {
  for (const [view] of VIEW_WIDTHS) {
    const columns = columnsOf(view).map((column) => `(hash(i, '${column}') % 1000000) / 100.0 AS ${column}`);
    await write(
      duckDb,
      `SELECT i::VARCHAR AS id, 'c' || (hash(i, '${view}') % ${ENTITIES}) AS customer, ${timeOf(`i * ${SPAN_MS}.0 / ${rowsOf(view)}`)} AS event_timestamp,
         ${columns.join(', ')} FROM range(${rowsOf(view)}) r(i)`,
      path.join(folder, `${view}.parquet`),
    );
  }
  await write(
    duckDb,
    `SELECT 'c' || (hash(i, 'spine') % ${ENTITIES}) AS customer,
       ${timeOf(`${SPAN_MS} / 2 + hash(i, 'moment') % ${SPAN_MS / 2}`)} AS event_timestamp FROM range(${SPINE_ROWS}) r(i)`,
    path.join(folder, 'spine.parquet'),
  );
}

const timeOf = (ms: string): string => `make_timestamptz((${FROM} + floor(${ms}))::BIGINT * 1000)`;

async function write(duckDb: DuckDBConnection, query: string, file: string): Promise<void> {
  await duckDb.run("SET TimeZone = 'UTC'");
  await duckDb.run(`COPY (${query}) TO '${file.replaceAll("'", "''")}' (FORMAT parquet)`);
}
