import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import {
  Bool,
  Field,
  Float64,
  makeBuilder,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  RecordBatchReader,
  Schema,
  Struct,
  TimestampMillisecond,
  Utf8,
  type Data,
  type DataType,
} from 'apache-arrow';
import { plainValue, type TableColumn, type TableRecord } from './table-record.ts';

/**
 * Streams the rows of an Arrow IPC file or stream, a record batch in memory at a time. Times become ms since the epoch,
 * dictionaries their texts.
 */
export async function* readArrow(
  file: string,
  onHeader: (columns: readonly string[]) => void,
  onBytes: (bytes: Uint8Array) => void,
): AsyncGenerator<TableRecord> {
  // A file's table of contents is at the end: the bytes are told apart from the rows.
  for await (const chunk of createReadStream(file)) onBytes(chunk as Buffer);
  const handle = await open(file);
  try {
    const reader = await RecordBatchReader.from(handle);
    await reader.open();
    const names = reader.schema.fields.map(({ name }) => name);
    onHeader(names);
    for await (const batch of reader) {
      const columns = names.map((_, column) => batch.getChildAt(column));
      for (let row = 0; row < batch.numRows; row++)
        yield Object.fromEntries(names.map((name, i) => [name, plainValue(columns[i]?.get(row))]));
    }
  } finally {
    await handle.close();
  }
}

const typeOf: Readonly<Record<TableColumn['type'], () => DataType>> = {
  string: () => new Utf8(),
  number: () => new Float64(),
  boolean: () => new Bool(),
  timestamp: () => new TimestampMillisecond('UTC'),
};

/** The writer of the package hands its bytes to a queue that can't be emptied in steps: this one keeps them. */
class CollectingWriter extends RecordBatchFileWriter {
  readonly #parts: Uint8Array[] = [];

  /** What was written since the last time. */
  take(): Uint8Array {
    return Buffer.concat(this.#parts.splice(0));
  }

  protected override _write(chunk: ArrayBufferView): this {
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength).slice();
    if (bytes.length === 0) return this;
    this.#parts.push(bytes);
    this._position += bytes.length;
    return this;
  }
}

/** Writes records as an Arrow IPC file, each call as a record batch; every column may be null. */
export function createArrowEncoder(columns: readonly TableColumn[]) {
  const schema = new Schema(columns.map(({ name, type }) => new Field(name, typeOf[type](), true)));
  const writer = new CollectingWriter();
  writer.reset(undefined, schema);
  return {
    encode(records: readonly TableRecord[]): Promise<Uint8Array> {
      const children: Data[] = columns.map(({ name, type }, c) => {
        const builder = makeBuilder({ type: schema.fields[c]!.type as DataType, nullValues: [null] });
        for (const record of records) builder.append(valueOf(type, record[name], name));
        return builder.finish().flush() as Data;
      });
      const length = records.length;
      const data = makeData({ type: new Struct(schema.fields), length, nullCount: 0, children });
      writer.write(new RecordBatch(schema, data));
      return Promise.resolve(writer.take());
    },
    finish(): Promise<Uint8Array> {
      writer.finish();
      return Promise.resolve(writer.take());
    },
  };
}

function valueOf(type: TableColumn['type'], value: unknown, name: string): string | number | boolean | null {
  if (value === null || value === undefined) return null;
  if (type === 'string') return typeof value === 'string' ? value : JSON.stringify(value);
  if (typeof value === (type === 'timestamp' ? 'number' : type)) return value as number | boolean;
  throw new Error(`column '${name}' holds ${type}s at first, and then '${JSON.stringify(value).slice(0, 60)}'`);
}
