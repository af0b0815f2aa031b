import { DuckDBInstance, type DuckDBConnection, type DuckDBDataChunk } from '@duckdb/node-api';

/** A column of one chunk: numbers as doubles, NaN where null; texts, null where null. */
export type DuckdbColumn = Float64Array | (string | null)[];

/** One statement at a time. */
export interface DuckdbColumnSession {
  /** Runs one statement and drops what it answers. */
  run(sql: string): Promise<void>;
  /** Names and types of a query's columns. */
  describe(query: string): Promise<readonly { readonly name: string; readonly type: string }[]>;
  /** Streams a query's answer until `onChunk` says false. Each of its columns is DOUBLE, INTEGER or VARCHAR: cast them so. */
  stream(sql: string, onChunk: (rows: number, columns: readonly DuckdbColumn[]) => boolean): Promise<void>;
  /** Fills a table: one array of values a column, texts, integers or doubles. */
  append(table: string, columns: readonly (readonly string[] | Int32Array | Float64Array)[]): Promise<void>;
}

/** An in-memory database of this process, for reading files of columns. Its errors are DuckDB's own: the caller knows what it asked for. */
export interface DuckdbColumns extends DuckdbColumnSession {
  /** A session beside others of the same tables. */
  session<T>(work: (session: DuckdbColumnSession) => Promise<T>): Promise<T>;
  close(): void;
}

/** The name of a file within SQL. */
export const duckdbText = (text: string): string => `'${text.replaceAll("'", "''")}'`;
export const duckdbName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/**
 * @param options.threads at once, the caller's included
 * @param options.memoryMb what it may hold before it spills to `spillTo`
 */
export async function openDuckdbColumns(options: {
  readonly threads: number;
  readonly memoryMb: number;
  readonly spillTo: string;
}): Promise<DuckdbColumns> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(options.threads),
    memory_limit: `${options.memoryMb}MB`,
    temp_directory: options.spillTo,
  });
  const connection = await instance.connect();
  return {
    async session(work) {
      const own = await instance.connect();
      try {
        return await work(sessionOf(own));
      } finally {
        own.closeSync();
      }
    },
    close() {
      connection.closeSync();
      instance.closeSync();
    },
    ...sessionOf(connection),
  };
}

function sessionOf(connection: DuckDBConnection): DuckdbColumnSession {
  return {
    async run(sql) {
      await connection.run(sql);
    },
    async describe(query) {
      const reader = await connection.runAndReadAll(`DESCRIBE ${query}`);
      return reader.getRows().map(([name, type]) => ({ name: String(name), type: String(type) }));
    },
    stream: (sql, onChunk) => streamChunks(connection, sql, onChunk),
    async append(table, columns) {
      const appender = await connection.createAppender(table);
      const rows = columns[0]?.length ?? 0;
      for (let row = 0; row < rows; row++) {
        for (const column of columns) {
          const value = column[row]!;
          if (typeof value === 'string') appender.appendVarchar(value);
          else if (column instanceof Int32Array) appender.appendInteger(value);
          else appender.appendDouble(value);
        }
        appender.endRow();
      }
      appender.closeSync();
    },
  };
}

async function streamChunks(
  connection: DuckDBConnection,
  sql: string,
  onChunk: (rows: number, columns: readonly DuckdbColumn[]) => boolean,
): Promise<void> {
  const result = await connection.stream(sql);
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) return;
    const found = chunk;
    const columns = Array.from({ length: found.columnCount }, (_, column) => columnOf(found, column));
    if (!onChunk(found.rowCount, columns)) return;
  }
}

/** What a vector of the driver holds, which its types keep private: asking value by value is ten times slower. */
interface RawVector {
  readonly items?: Float64Array | Int32Array;
  readonly validity?: { readonly data: unknown; itemValid(item: number): boolean };
}

function columnOf(chunk: DuckDBDataChunk, column: number): DuckdbColumn {
  const vector = chunk.getColumnVector(column);
  const { items, validity } = vector as unknown as RawVector;
  if (!(items instanceof Float64Array || items instanceof Int32Array))
    return chunk.getColumnValues(column).map((value) => (typeof value === 'string' ? value : null));
  // The memory is the driver's, which takes it back with the chunk.
  const numbers = items instanceof Float64Array ? items.slice(0, chunk.rowCount) : new Float64Array(items.subarray(0, chunk.rowCount));
  if (validity !== undefined && validity.data !== null)
    for (let row = 0; row < numbers.length; row++) if (!validity.itemValid(row)) numbers[row] = NaN;
  return numbers;
}
