import { expect, test } from 'vitest';
import { ByteReader } from '../../../src/fold/byte-reader.ts';
import { ByteWriter } from '../../../src/fold/byte-writer.ts';

const MEBIBYTE = 1_048_576;

test('a writer that is reset keeps its memory up to a mebibyte, and writes on', () => {
  const writer = new ByteWriter(16);
  writer.bytes(new Uint8Array(MEBIBYTE / 2));
  const kept = writer.memory;
  writer.reset();
  expect(writer.memory).toBe(kept);
  writer.bytes(new Uint8Array(4 * MEBIBYTE));
  writer.reset();
  expect(writer.memory).toHaveLength(MEBIBYTE);
  writer.float64(1.5);
  writer.text('after');
  const reader = new ByteReader(writer.written());
  expect([reader.float64(), reader.text(), reader.remaining]).toEqual([1.5, 'after', 0]);
});
