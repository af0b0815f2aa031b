import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { MillraceError } from '../../core/millrace-error.ts';
import { readSpineQuery, type SpineQueryOptions } from '../../infra/spine-query.ts';
import { readTable, tableFormatOf } from '../../infra/table-file.ts';
import type { TableRecord } from '../../infra/table-record.ts';
import { AS_OF_COLUMN, assertColumns, assertNotComputed, computedNames, parseSpine, type SpineFormat } from './parse-spine.ts';
import type { OnlineReadPlan } from '../online-catalog.ts';
import type { SpineRow } from './as-of-mode.ts';

/** Rows of a spine that are parsed, and written, together. */
export const SPINE_BLOCK_ROWS = 10_000;

/** A file of rows, or a query that answers them. */
export type SpineInput = string | { readonly query: string };

/** Some rows of a spine, as they were given and parsed. */
export interface SpineBlock {
  readonly records: readonly TableRecord[];
  readonly rows: readonly SpineRow[];
}

export interface SpineReading {
  /** Columns of the spine, in order; those of NDJSON are its first row's. */
  readonly columns: readonly string[];
  /** Of its bytes, in hex. */
  readonly sha256: string;
}

export const spineFormat = (plan: OnlineReadPlan, file: string, asOfColumn: string = AS_OF_COLUMN): SpineFormat => ({
  plan,
  asOfColumn,
  isText: tableFormatOf(file) === 'csv',
});

/**
 * Reads a file of spine rows, block by block.
 * @throws MillraceError FEATURE_SPINE_INVALID with all problems of a block, or where there is no row
 */
export async function readSpine(
  file: string,
  format: SpineFormat,
  onBlock: (block: SpineBlock) => Promise<void>,
): Promise<SpineReading> {
  const hash = createHash('sha256');
  let columns: readonly string[] | undefined;
  let records: TableRecord[] = [];
  let rows = 0;
  let hasHeader = false;
  const computed = computedNames(format.plan);
  const flush = async (): Promise<void> => {
    if (!hasHeader) records.forEach((record, i) => assertNotComputed(Object.keys(record), computed, rows + i + 1));
    const parsed = parseSpine(format, records, rows + 1);
    columns ??= Object.keys(records[0] ?? {});
    rows += records.length;
    await onBlock({ records, rows: parsed });
    records = [];
  };
  const onHeader = (found: readonly string[]): void => {
    assertColumns(found, format);
    hasHeader = true;
    columns = found;
  };
  for await (const record of readTable(file, { onHeader, onBytes: (bytes) => hash.update(bytes) })) {
    records.push(record);
    if (records.length >= SPINE_BLOCK_ROWS) await flush();
  }
  if (records.length > 0) await flush();
  if (rows === 0)
    throw new MillraceError('FEATURE_SPINE_INVALID', `Spine '${path.basename(file)}' has no row. Give entity keys and times.`);
  return { columns: columns ?? [], sha256: hash.digest('hex') };
}

/** Writes the rows of a query to a file of NDJSON: they are read twice, and a query may answer others the second time. */
export async function saveSpineQuery(options: SpineQueryOptions, file: string): Promise<void> {
  const handle = await open(file, 'w');
  try {
    for await (const rows of readSpineQuery(options))
      await handle.writeFile(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  } finally {
    await handle.close();
  }
}
