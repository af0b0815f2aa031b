import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { isMillraceError, messageOf, MillraceError } from '../core/millrace-error.ts';
import { csvLine, CsvReader } from './csv.ts';

/** Formats of a table in a file, by the end of its name. */
export type TableFormat = 'csv' | 'ndjson';

/** Values by column; those of CSV are texts, null where the field is empty. */
export type TableRecord = Readonly<Record<string, unknown>>;

/** Longest line of NDJSON, in characters. */
const LINE_LENGTH_MAX = 1_048_576;

/** @throws MillraceError FEATURE_SPINE_INVALID */
export function tableFormatOf(file: string): TableFormat {
  if (/\.csv$/i.test(file)) return 'csv';
  if (/\.(ndjson|jsonl)$/i.test(file)) return 'ndjson';
  throw new MillraceError('FEATURE_SPINE_INVALID', `File '${path.basename(file)}': expected a name that ends in .csv or .ndjson. Rename it.`);
}

/**
 * Streams the rows of a table. CSV has a header of distinct names; NDJSON has an object a line.
 * @param onHeader told of the columns of CSV, before any row
 * @param onBytes told of the file's bytes as they are read
 * @throws MillraceError FEATURE_SPINE_INVALID naming file and line
 */
export async function* readTable(
  file: string,
  hooks: { readonly onHeader: (columns: readonly string[]) => void; readonly onBytes: (bytes: Uint8Array) => void },
): AsyncGenerator<TableRecord> {
  const format = tableFormatOf(file);
  const rowsOf = format === 'csv' ? csvRecords(hooks.onHeader) : ndjsonRecords();
  const decoder = new StringDecoder('utf8');
  try {
    for await (const chunk of createReadStream(file)) {
      const bytes = chunk as Buffer;
      hooks.onBytes(bytes);
      yield* rowsOf.push(decoder.write(bytes));
    }
    yield* rowsOf.push(decoder.end());
    yield* rowsOf.end();
  } catch (error) {
    if (isMillraceError(error)) throw error;
    throw new MillraceError('FEATURE_SPINE_INVALID', `File '${path.basename(file)}' can't be read: ${messageOf(error)}. Correct it, or check its path.`, { cause: error });
  }
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
      if (fields.length !== names.length) throw new Error(`row ${row} has ${fields.length} fields, the header ${names.length}`);
      return [Object.fromEntries(names.map((name, i) => [name, fields[i] ?? null]))];
    });
  return { push: (text) => recordsOf(reader.push(text)), end: () => recordsOf(reader.end()) };
}

function headerOf(fields: readonly (string | null)[]): string[] {
  const names = fields.map((field) => field ?? '');
  if (names.includes('') || new Set(names).size < names.length) throw new Error(`the header '${names.join(',').slice(0, 200)}' has a column without a name, or a name twice`);
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
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`line ${line} is no object`);
    return [value as TableRecord];
  };
  return {
    push(text) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > LINE_LENGTH_MAX) throw new Error(`line ${line + lines.length + 1} has more than ${LINE_LENGTH_MAX} characters`);
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

/** @param columns of CSV, in order; a record's other values are left out there */
export async function openTableWriter(file: string, columns: readonly string[]): Promise<TableWriter> {
  const format = tableFormatOf(file);
  const draft = `${file}.partial`;
  const handle = await open(draft, 'w');
  const hash = createHash('sha256');
  const put = async (text: string): Promise<void> => {
    const bytes = Buffer.from(text);
    hash.update(bytes);
    await handle.writeFile(bytes);
  };
  if (format === 'csv') await put(csvLine(columns));
  const lineOf = (record: TableRecord): string =>
    format === 'csv' ? csvLine(columns.map((name) => fieldOf(record[name]))) : `${JSON.stringify(record)}\n`;
  return {
    write: (records) => put(records.map(lineOf).join('')),
    async close() {
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

function fieldOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
