import { mkdir } from 'node:fs/promises';
import type * as driverModule from '@duckdb/node-api';
import type { DuckDBConnection, DuckDBDataChunk, DuckDBInstance, DuckDBType, DuckDBVector } from '@duckdb/node-api';
import { MillraceError } from '../core/millrace-error.ts';

export type DuckdbValue = string | number | boolean | null;
/** What a column of a row holds on our side. Whole numbers of 64 bits and times travel as double precision. */
export type DuckdbType = 'number' | 'string' | 'boolean';

export interface DuckdbOptions {
  /** What all sessions together may hold in memory; the rest goes to the scratch directory. */
  readonly memoryMb: number;
  readonly threads: number;
  readonly scratchDirectory: string;
}

/** One connection: its temporary tables and macros are its own. */
export interface DuckdbSession {
  run(sql: string): Promise<void>;
  /** All rows of a query that gives few. Cast whole numbers of 64 bits to double precision in the SQL. */
  rows(sql: string): Promise<DuckdbValue[][]>;
  /** Streams the rows of a query; `onRow` gets one array that is used again for the next row. `onPause` is awaited now and then. */
  stream(
    sql: string,
    onRow: (values: readonly DuckdbValue[]) => void,
    onPause?: () => void | Promise<void>,
  ): Promise<void>;
  /** Appends to a temporary table. */
  append(table: string, types: readonly DuckdbType[]): Promise<DuckdbAppender>;
}

export interface DuckdbAppender {
  add(values: readonly DuckdbValue[]): void;
  /** Writes what is left. */
  close(): void;
}

export interface Duckdb {
  session<T>(work: (session: DuckdbSession) => Promise<T>): Promise<T>;
  close(): void;
}

type Driver = typeof driverModule;

/** Rows of a data chunk: DuckDB's own vector size, its most. */
const CHUNK_ROWS = 2_048;

/** DuckDB in this process, in memory, opened by the first session: its library is large, and most processes never read by it. */
export function createDuckdb(options: DuckdbOptions): Duckdb {
  let opened: Promise<{ driver: Driver; instance: DuckDBInstance }> | undefined;
  const open = async () => {
    await mkdir(options.scratchDirectory, { recursive: true });
    const driver = await import('@duckdb/node-api');
    const instance = await driver.DuckDBInstance.create(':memory:', {
      memory_limit: `${options.memoryMb}MB`,
      threads: String(options.threads),
      temp_directory: options.scratchDirectory,
      // Nothing is fetched from anywhere; what is needed is built in.
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    });
    return { driver, instance };
  };
  return {
    async session(work) {
      opened ??= translated('opening', open).catch((error: unknown) => {
        opened = undefined;
        throw error;
      });
      const { driver, instance } = await opened;
      const connection = await translated('connecting', () => instance.connect());
      try {
        return await work(sessionOf(driver, connection));
      } finally {
        connection.closeSync();
      }
    },
    close() {
      opened?.then(({ instance }) => instance.closeSync()).catch(() => undefined);
      opened = undefined;
    },
  };
}

function sessionOf(driver: Driver, connection: DuckDBConnection): DuckdbSession {
  return {
    async run(sql) {
      await translated(sql, () => connection.run(sql));
    },
    async rows(sql) {
      const reader = await translated(sql, () => connection.runAndReadAll(sql));
      return reader.getRows() as DuckdbValue[][];
    },
    async stream(sql, onRow, onPause) {
      const result = await translated(sql, () => connection.stream(sql));
      const values = new Array<DuckdbValue>(result.columnCount).fill(null);
      for (;;) {
        const chunk = await translated(sql, () => result.fetchChunk());
        if (chunk === null || chunk.rowCount === 0) return;
        eachRow(chunk, values, onRow);
        await onPause?.();
      }
    },
    async append(table, types) {
      const appender = await translated(`appending to ${table}`, () => connection.createAppender(table, null, 'temp'));
      const duckdbTypes = types.map((type) => driverType(driver, type));
      const columns = types.map((): DuckdbValue[] => []);
      let rows = 0;
      const flush = (): void => {
        if (rows === 0) return;
        const chunk = driver.DuckDBDataChunk.create(duckdbTypes, rows);
        chunk.setColumns(columns);
        appender.appendDataChunk(chunk);
        for (const column of columns) column.length = 0;
        rows = 0;
      };
      return {
        add(values) {
          for (let i = 0; i < columns.length; i++) (columns[i] as DuckdbValue[]).push(values[i] as DuckdbValue);
          if (++rows === CHUNK_ROWS) flush();
        },
        close() {
          flush();
          appender.closeSync();
        },
      };
    },
  };
}

function driverType(driver: Driver, type: DuckdbType): DuckDBType {
  if (type === 'number') return driver.DOUBLE;
  return type === 'string' ? driver.VARCHAR : driver.BOOLEAN;
}

function eachRow(
  chunk: DuckDBDataChunk,
  values: DuckdbValue[],
  onRow: (values: readonly DuckdbValue[]) => void,
): void {
  const vectors = values.map((_, i): DuckDBVector => chunk.getColumnVector(i));
  for (let row = 0; row < chunk.rowCount; row++) {
    for (let i = 0; i < vectors.length; i++) values[i] = vectors[i]!.getItem(row) as DuckdbValue;
    onRow(values);
  }
}

const STATEMENT_SHOWN_CHARS = 200;

async function translated<T>(sql: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MillraceError(
      'COLD_LOG_QUERY_FAILED',
      `DuckDB could not run '${sql.slice(0, STATEMENT_SHOWN_CHARS)}': ${reason}. Check that the cold log's files are there, that the scratch directory has room, and MILLRACE_DUCKDB_MEMORY_MB.`,
      { cause },
    );
  }
}
