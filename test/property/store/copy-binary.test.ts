import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  CopyReader,
  CopyWriter,
  TIMESTAMP_MS_MAX,
  TIMESTAMP_MS_MIN,
  type CopyType,
  type CopyValue,
} from '../../../src/store/copy-binary.ts';

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

test('rows come back as they were written, however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 30 }), fc.integer({ min: 1, max: 50 }), (rows, chunkBytes) => {
      const writer = new CopyWriter();
      for (const values of rows) {
        writer.startRow(types.length);
        types.forEach((type, i) => writer.add(type, values[i] as CopyValue));
      }
      const bytes = writer.finish();
      const read: CopyValue[][] = [];
      const reader = new CopyReader(types, (values) => read.push([...values]));
      for (let at = 0; at < bytes.length; at += chunkBytes) reader.push(bytes.subarray(at, at + chunkBytes));
      expect(read).toEqual(rows);
    }),
  );
});
