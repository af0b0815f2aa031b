import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, type SchemaElement } from 'hyparquet';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { plainValue, type TableColumn, type TableRecord } from './table-record.ts';

/** Rows of a row group that are decoded together. */
const READ_ROWS_MAX = 10_000;

/**
 * Streams the rows of a Parquet file (uncompressed or Snappy): at most one row group is in memory. Times become ms since the
 * epoch, whole numbers of 64 bits numbers, where they are exact as such, else texts.
 */
export async function* readParquet(
  file: string,
  onHeader: (columns: readonly string[]) => void,
): AsyncGenerator<TableRecord> {
  const buffer = await asyncBufferFromFile(file);
  const metadata = await parquetMetadataAsync(buffer);
  onHeader(metadata.schema.slice(1).map(({ name }) => name));
  const rows = Number(metadata.num_rows);
  let groupStart = 0;
  for (const group of metadata.row_groups) {
    const groupEnd = Math.min(groupStart + Number(group.num_rows), rows);
    for (let rowStart = groupStart; rowStart < groupEnd; rowStart += READ_ROWS_MAX) {
      const rowEnd = Math.min(rowStart + READ_ROWS_MAX, groupEnd);
      const found: Readonly<Record<string, unknown>>[] = await parquetReadObjects({
        file: buffer,
        metadata,
        rowStart,
        rowEnd,
        useOffsetIndex: true,
      });
      for (const record of found)
        yield Object.fromEntries(Object.entries(record).map(([name, value]) => [name, plainValue(value)]));
    }
    groupStart = groupEnd;
  }
}

const elements: Readonly<Record<TableColumn['type'], Omit<SchemaElement, 'name'>>> = {
  number: { type: 'DOUBLE' },
  boolean: { type: 'BOOLEAN' },
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  timestamp: { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' },
};

/** Writes records as a Parquet file (Snappy), each call as a row group; every column may be null. */
export function createParquetEncoder(columns: readonly TableColumn[]) {
  const bytes = new ByteWriter();
  const root: SchemaElement = { name: 'root', num_children: columns.length };
  const schema = [
    root,
    ...columns.map(({ name, type }): SchemaElement => ({
      name,
      repetition_type: 'OPTIONAL',
      ...elements[type],
    })),
  ];
  const writer = new ParquetWriter({ writer: bytes, schema, createdBy: 'millrace' });
  /** What was encoded since the last time. */
  const take = (): Uint8Array => {
    const taken = bytes.getBytes().slice();
    bytes.index = 0;
    return taken;
  };
  return {
    async encode(records: readonly TableRecord[]): Promise<Uint8Array> {
      const columnData = columns.map(({ name, type }) => ({
        name,
        data: records.map((record) => valueOf(type, record[name], name)),
      }));
      await writer.write({ columnData, rowGroupSize: Math.max(1, records.length) });
      return take();
    },
    async finish(): Promise<Uint8Array> {
      await writer.finish();
      return take();
    },
  };
}

function valueOf(
  type: TableColumn['type'],
  value: unknown,
  name: string,
): string | number | boolean | Date | null {
  if (value === null || value === undefined) return null;
  if (type === 'string') return typeof value === 'string' ? value : JSON.stringify(value);
  if (type === 'timestamp' && typeof value === 'number') return new Date(value);
  if (typeof value === type) return value as number | boolean;
  throw new Error(
    `column '${name}' holds ${type}s at first, and then '${JSON.stringify(value).slice(0, 60)}'`,
  );
}
