import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  CopyWriter,
  TIMESTAMP_MS_MAX,
  TIMESTAMP_MS_MIN,
  type CopyType,
  type CopyValue,
} from '../../../src/store/copy-binary.ts';
import { CopyColumns } from '../../../src/store/copy-columns.ts';
import { copyRows } from '../../../src/store/copy-reader.ts';

const types: readonly CopyType[] = ['int4', 'int8', 'string', 'number', 'boolean', 'timestamp'];
const nullable = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null });
const row = fc.tuple(
  nullable(fc.integer()),
  nullable(fc.maxSafeInteger()),
  nullable(fc.string({ unit: 'grapheme' })),
  nullable(fc.double()),
  nullable(fc.boolean()),
  nullable(fc.integer({ min: TIMESTAMP_MS_MIN, max: TIMESTAMP_MS_MAX })),
);
const rows = fc.array(row, { maxLength: 30 });
const chunkBytes = fc.integer({ min: 1, max: 50 });

function bytesOf(written: readonly (readonly CopyValue[])[]): Buffer {
  const writer = new CopyWriter();
  for (const values of written) {
    writer.startRow(types.length);
    types.forEach((type, i) => writer.add(type, values[i] as CopyValue));
  }
  return writer.finish();
}

function pushCut(bytes: Buffer, size: number, push: (chunk: Buffer) => void): void {
  for (let at = 0; at < bytes.length; at += size) push(bytes.subarray(at, at + size));
}

test('rows come back as they were written, however the bytes are cut', () => {
  fc.assert(
    fc.property(rows, chunkBytes, (written, size) => {
      const read: CopyValue[][] = [];
      const reader = copyRows(types, (values) => read.push([...values]));
      pushCut(bytesOf(written), size, (chunk) => reader.push(chunk));
      expect(read).toEqual(written);
    }),
  );
});

/** Rows out of blocks of columns, in the form that columns have: numbers, and NaN for what is null and no text. */
function readColumns(bytes: Buffer, size: number): { read: unknown[][]; blocks: number[] } {
  const read: unknown[][] = [];
  const blocks: number[] = [];
  const reader = new CopyColumns(types, (count, columns) => {
    blocks.push(count);
    expect(columns.map((column) => column.length)).toEqual(types.map(() => count));
    for (let i = 0; i < count; i++) read.push(columns.map((column) => column[i]));
  });
  pushCut(bytes, size, (chunk) => reader.push(chunk));
  reader.end();
  return { read, blocks };
}
const asColumns = (written: readonly (readonly CopyValue[])[]) =>
  written.map((values) => values.map((value, i) => (types[i] === 'string' ? value : value === null ? NaN : Number(value))));

test('columns hold the same, a null that is no text as NaN', () => {
  fc.assert(
    fc.property(rows, chunkBytes, (written, size) => {
      expect(readColumns(bytesOf(written), size).read).toEqual(asColumns(written));
    }),
  );
});

test('columns come in blocks of a bound, and the last with what is left', () => {
  const written = Array.from({ length: 70_000 }, (_, i) => [i, i, i % 3 === 0 ? null : `t${i}`, i / 2, i % 2 === 0, i]);
  const { read, blocks } = readColumns(bytesOf(written), 65_536);
  expect(blocks).toEqual([32_768, 32_768, 4_464]);
  expect(read).toEqual(asColumns(written));
});
