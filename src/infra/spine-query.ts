import pg from 'pg';
import { isMillraceError, MillraceError } from '../core/millrace-error.ts';
import { sqlState, translatePostgresError } from './postgres-error.ts';
import type { TableRecord } from './table-record.ts';

export interface SpineQueryOptions {
  readonly url: string;
  readonly query: string;
  /** Of each step of the query: its first rows, and every further block. */
  readonly statementTimeoutMs?: number;
  readonly rowsMax?: number;
  readonly signal?: AbortSignal | undefined;
}

export const SPINE_QUERY_TIMEOUT_MS = 300_000;
export const SPINE_QUERY_ROWS_MAX = 100_000_000;
const CONNECT_TIMEOUT_MS = 5_000;
const FETCH_ROWS = 5_000;
const QUERY_LENGTH_MAX = 100_000;

const { builtins } = pg.types;
const numberOrText = (text: string): number | string => {
  const number = Number(text);
  return Number.isSafeInteger(number) || text.includes('.') ? number : text;
};
const parsers: Readonly<Record<number, (text: string) => unknown>> = {
  [builtins.INT8]: numberOrText,
  [builtins.NUMERIC]: Number,
  [builtins.TIMESTAMPTZ]: instantOf,
  [builtins.TIMESTAMP]: (text) => instantOf(`${text}+00`),
};

/** Ms since the epoch of what Postgres writes under ISO dates and UTC; the text itself where JavaScript has no such date. */
function instantOf(text: string): number | string {
  const time = Date.parse(text.replace(' ', 'T').replace(/\+00$/, 'Z'));
  return Number.isNaN(time) ? text : time;
}

/**
 * Streams the rows of one SELECT, block by block: in a read-only transaction, through a cursor, which takes nothing but a
 * query, under a limit of time a step and of rows. Times become ms since the epoch.
 * @throws MillraceError FEATURE_SPINE_INVALID where it is no query, writes, takes too long or has too many rows
 */
export async function* readSpineQuery(options: SpineQueryOptions): AsyncGenerator<TableRecord[]> {
  const { url, query, statementTimeoutMs = SPINE_QUERY_TIMEOUT_MS, rowsMax = SPINE_QUERY_ROWS_MAX, signal } = options;
  if (query.length > QUERY_LENGTH_MAX) throw refused(`it has more than ${QUERY_LENGTH_MAX} characters`);
  const client = new pg.Client({
    connectionString: url,
    application_name: 'millrace-spine',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: 2 * statementTimeoutMs,
    options: '-c timezone=UTC -c datestyle=ISO -c default_transaction_read_only=on',
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('BEGIN READ ONLY');
    // The extended protocol takes one statement: what follows a semicolon is refused. The driver's types don't know it.
    const declare = { text: `DECLARE spine NO SCROLL CURSOR FOR ${query}`, queryMode: 'extended' };
    await client.query(declare as pg.QueryConfig);
    let rows = 0;
    for (;;) {
      signal?.throwIfAborted();
      const found = await client.query<Record<string, unknown>>({
        text: `FETCH ${FETCH_ROWS} FROM spine`,
        types: { getTypeParser: (type: number) => parsers[type] ?? (pg.types.getTypeParser(type) as (text: string) => unknown) },
      });
      if (found.rows.length === 0) break;
      if (rows === 0) assertDistinct(found.fields.map(({ name }) => name));
      rows += found.rows.length;
      if (rows > rowsMax) throw refused(`it has more than ${rowsMax} rows`);
      yield found.rows;
    }
  } catch (error) {
    throw translate(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function assertDistinct(names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw refused(`column '${twice}' is there twice`);
}

function translate(error: unknown): unknown {
  const state = sqlState(error);
  // What the query is at fault for: not a lost connection, not a bug.
  if (isMillraceError(error) || (error instanceof Error && error.name === 'AbortError')) return error;
  if (state === undefined || /^(08|53|57P|40)/.test(state)) return translatePostgresError(error, "reading the spine's query");
  const message = error instanceof Error ? error.message : String(error);
  return refused(`Postgres says (${state}): ${message}`, error);
}

const refused = (why: string, cause?: unknown): MillraceError =>
  new MillraceError(
    'FEATURE_SPINE_INVALID',
    `The spine's query can't be used: ${why}. Give one SELECT that only reads, with the entity keys and the time as columns.`,
    { cause },
  );
