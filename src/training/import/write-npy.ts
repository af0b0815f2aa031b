import { writeFile } from 'node:fs/promises';

const MAGIC = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]);
/** The array begins at a multiple of it. */
const ALIGNMENT = 64;

/**
 * Writes an array as NumPy's file format 1.0, which `numpy.load` reads without copying.
 * @param shape row-major; its product is the length
 */
export async function writeNpy(
  file: string,
  values: Float32Array | Float64Array,
  shape: readonly number[],
): Promise<void> {
  const type = values instanceof Float32Array ? '<f4' : '<f8';
  const lengths = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${lengths}), }`;
  const before = MAGIC.length + 2;
  const padded = Math.ceil((before + text.length + 1) / ALIGNMENT) * ALIGNMENT - before;
  const header = Buffer.alloc(2 + padded, ' ');
  header.writeUInt16LE(padded, 0);
  header.write(text, 2, 'latin1');
  header.write('\n', 1 + padded, 'latin1');
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  await writeFile(file, Buffer.concat([MAGIC, header, bytes]));
}
