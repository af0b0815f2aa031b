import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { isMillraceError, messageOf, MillraceError } from '../core/millrace-error.ts';
import { csvLine, CsvReader } from './csv.ts';
import type { TableColumn, TableRecord } from './table-record.ts';

/** Formats of a table in a file, by the end of its name. */
export type TableFormat = 'csv' | 'ndjson' | 'parquet' | 'arrow';

/** Longest line of NDJSON, in characters. */
const LINE_LENGTH_MAX = 1_048_576;

/** @throws MillraceError FEATURE_SPINE_INVALID */
export function tableFormatOf(file: string): TableFormat {
  if (/\.csv$/i.test(file)) return 'csv';
  if (/\.(ndjson|jsonl)$/i.test(file)) return 'ndjson';
  if (/\.parquet$/i.test(file)) return 'parquet';
  if (/\.(arrow|arrows|feather)$/i.test(file)) return 'arrow';
  throw new MillraceError(
    'FEATURE_SPINE_INVALID',
    `File '${path.basename(file)}': expected a name that ends in .csv, .ndjson, .parquet or .arrow. Rename it.`,
  );
}

interface TableHooks {
  /** Told of the columns of CSV, Parquet and Arrow, before any row. */
  readonly onHeader: (columns: readonly string[]) => void;
  /** Told of all of the file's bytes, in order. */
  readonly onBytes: (bytes: Uint8Array) => void;
}

/**
 * Streams the rows of a table. CSV has a header of distinct names; NDJSON has an object a line.
 * @throws MillraceError FEATURE_SPINE_INVALID naming file and line
 */
export async function* readTable(file: string, hooks: TableHooks): AsyncGenerator<TableRecord> {
  const format = tableFormatOf(file);
  try {
    if (format === 'parquet') yield* readParquetFile(file, hooks);
    else if (format === 'arrow') {
      const { readArrow } = await import('./arrow-table.ts');
      yield* readArrow(file, hooks.onHeader, hooks.onBytes);
    } else
      yield* readText(file, format === 'csv' ? csvRecords(hooks.onHeader) : ndjsonRecords(), hooks.onBytes);
  } catch (error) {
    if (isMillraceError(error)) throw error;
    throw new MillraceError(
      'FEATURE_SPINE_INVALID',
      `File '${path.basename(file)}' can't be read: ${messageOf(error)}. Correct it, or check its path.`,
      { cause: error },
    );
  }
}

async function* readText(
  file: string,
  records: RecordReader,
  onBytes: TableHooks['onBytes'],
): AsyncGenerator<TableRecord> {
  const decoder = new StringDecoder('utf8');
  for await (const chunk of createReadStream(file)) {
    const bytes = chunk as Buffer;
    onBytes(bytes);
    yield* records.push(decoder.write(bytes));
  }
  yield* records.push(decoder.end());
  yield* records.end();
}

/** Its table of contents is at the end: the bytes are told apart from the rows. */
async function* readParquetFile(
  file: string,
  { onHeader, onBytes }: TableHooks,
): AsyncGenerator<TableRecord> {
  const { readParquet } = await import('./parquet-table.ts');
  for await (const chunk of createReadStream(file)) onBytes(chunk as Buffer);
  yield* readParquet(file, onHeader);
}

interface RecordReader {
  push(text: string): TableRecord[];
  end(): TableRecord[];
}

function csvRecords(onHeader: (columns: readonly string[]) => void): RecordReader {
  const reader = new CsvReader();
  let columns: readonly string[] | undefined;
  let row = 0;
  const recordsOf = (rows: (string | null)[][]): TableRecord[] =>
    rows.flatMap((fields) => {
      if (columns === undefined) {
        columns = headerOf(fields);
        onHeader(columns);
        return [];
      }
      row++;
      const names = columns;
      if (fields.length !== names.length)
        throw new Error(`row ${row} has ${fields.length} fields, the header ${names.length}`);
      return [Object.fromEntries(names.map((name, i) => [name, fields[i] ?? null]))];
    });
  return { push: (text) => recordsOf(reader.push(text)), end: () => recordsOf(reader.end()) };
}

function headerOf(fields: readonly (string | null)[]): string[] {
  const names = fields.map((field) => field ?? '');
  if (names.includes('') || new Set(names).size < names.length)
    throw new Error(
      `the header '${names.join(',').slice(0, 200)}' has a column without a name, or a name twice`,
    );
  return names;
}

function ndjsonRecords(): RecordReader {
  let rest = '';
  let line = 0;
  const parse = (text: string): TableRecord[] => {
    line++;
    if (text.trim() === '') return [];
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw new Error(`line ${line} is no JSON: ${messageOf(cause)}`, { cause });
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new Error(`line ${line} is no object`);
    return [value as TableRecord];
  };
  return {
    push(text) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > LINE_LENGTH_MAX)
        throw new Error(`line ${line + lines.length + 1} has more than ${LINE_LENGTH_MAX} characters`);
      return lines.flatMap(parse);
    },
    end: () => parse(rest),
  };
}

/** A table that is being written; its file is there once it is closed, and as a whole. */
export interface TableWriter {
  write(records: readonly TableRecord[]): Promise<void>;
  /** @returns sha256 of the file's bytes, in hex */
  close(): Promise<string>;
  /** Leaves nothing behind. */
  abort(): Promise<void>;
}

/**
 * @param columns of CSV, Parquet and Arrow, in order; a record's other values are left out there
 * @throws MillraceError FEATURE_SPINE_INVALID where a value does not fit its column
 */
export async function openTableWriter(file: string, columns: readonly TableColumn[]): Promise<TableWriter> {
  const encoder = await encoderOf(tableFormatOf(file), columns);
  const draft = `${file}.partial`;
  const handle = await open(draft, 'w').catch((error: unknown) => {
    throw notWritten(file, error);
  });
  const hash = createHash('sha256');
  const put = async (bytes: Uint8Array): Promise<void> => {
    hash.update(bytes);
    await handle.writeFile(bytes);
  };
  return {
    async write(records) {
      try {
        await put(await encoder.encode(records));
      } catch (error) {
        throw notWritten(file, error);
      }
    },
    async close() {
      await put(await encoder.finish());
      await handle.close();
      await rename(draft, file);
      return hash.digest('hex');
    },
    async abort() {
      await handle.close();
      await rm(draft, { force: true });
    },
  };
}

/** The error of a table that can't be written. */
export const notWritten = (file: string, cause: unknown): MillraceError =>
  new MillraceError(
    'FEATURE_SPINE_INVALID',
    `File '${path.basename(file)}' can't be written: ${messageOf(cause)}. Check its folder and the disk, correct the row, or choose another format.`,
    { cause },
  );

interface TableEncoder {
  encode(records: readonly TableRecord[]): Promise<Uint8Array>;
  finish(): Promise<Uint8Array>;
}

async function encoderOf(format: TableFormat, columns: readonly TableColumn[]): Promise<TableEncoder> {
  if (format === 'parquet') {
    const { createParquetEncoder } = await import('./parquet-table.ts');
    return createParquetEncoder(columns);
  }
  if (format === 'arrow') {
    const { createArrowEncoder } = await import('./arrow-table.ts');
    return createArrowEncoder(columns);
  }
  const names = columns.map(({ name }) => name);
  let head = format === 'csv' ? csvLine(names) : '';
  const lineOf = (record: TableRecord): string =>
    format === 'csv' ? csvLine(names.map((name) => fieldOf(record[name]))) : `${JSON.stringify(record)}\n`;
  return {
    async encode(records) {
      const text = head + records.map(lineOf).join('');
      head = '';
      return Buffer.from(text);
    },
    finish: async () => Buffer.from(head),
  };
}

function fieldOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
