import { elementArrays, isNumeric, type Datatype, type Elements } from './tensor.ts';

/** Before each element of BYTES: its length, little-endian. */
const LENGTH_BYTES = 4;

/**
 * Reads elements as the binary tensor extension and gRPC's raw contents have them: row-major, little-endian, without
 * padding; a BOOL is one byte, 0 or 1.
 * @returns the elements, or what is wrong
 */
export function decodeRaw(datatype: Datatype, count: number, bytes: Uint8Array): Elements | string {
  if (!isNumeric(datatype)) return decodeTexts(count, bytes);
  const array = elementArrays[datatype];
  const size = array.BYTES_PER_ELEMENT;
  if (bytes.length !== count * size) return `expected ${count * size} bytes (${count} elements of ${datatype}), found ${bytes.length}`;
  if (datatype === 'BOOL') {
    const wrong = bytes.findIndex((byte) => byte > 1);
    if (wrong >= 0) return `element ${wrong}: expected the byte 0 or 1 for ${datatype}, found ${String(bytes[wrong])}`;
  }
  // An array of larger elements can't begin just anywhere. (A Buffer's slice would be no copy.)
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return new array(aligned.buffer as ArrayBuffer, aligned.byteOffset, count);
}

/** The bytes that `decodeRaw` reads. */
export function encodeRaw(elements: Elements): Uint8Array {
  if (ArrayBuffer.isView(elements)) return new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  const out = new Uint8Array(elements.reduce((sum, { length }) => sum + LENGTH_BYTES + length, 0));
  const view = new DataView(out.buffer);
  let at = 0;
  for (const text of elements) {
    view.setUint32(at, text.length, true);
    out.set(text, at + LENGTH_BYTES);
    at += LENGTH_BYTES + text.length;
  }
  return out;
}

function decodeTexts(count: number, bytes: Uint8Array): Uint8Array[] | string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const texts: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = at + LENGTH_BYTES + (at + LENGTH_BYTES <= bytes.length ? view.getUint32(at, true) : Infinity);
    if (end > bytes.length) return `element ${texts.length}: its length, at byte ${at}, reaches beyond the ${bytes.length} bytes there are`;
    texts.push(bytes.subarray(at + LENGTH_BYTES, end));
    at = end;
  }
  return texts.length === count ? texts : `expected ${count} elements of BYTES, found ${texts.length}`;
}
