import { decodeRaw, encodeRaw } from '../../src/contracts/raw-elements.ts';
import { elementCount, type Tensor, type TensorSpec } from '../../src/contracts/tensor.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';

/** Tensors of one run, in or out: a frame of them has to be cut together again in one piece. */
export const TENSOR_BYTES_MAX = 128 * 1024 * 1024;

/** Elements begin at multiples of it, so that arrays can lie over the frame. */
const ALIGNMENT = 8;
const LENGTH_BYTES = 4;
const aligned = (length: number): number => Math.ceil(length / ALIGNMENT) * ALIGNMENT;

interface Header extends TensorSpec {
  readonly bytes: number;
}

/**
 * The length of a JSON list of headers, the list, then the elements of each tensor as `encodeRaw` has them.
 * @throws MillraceError REQUEST_TOO_LARGE
 */
export function encodeTensors(tensors: readonly Tensor[]): Uint8Array {
  const raw = tensors.map(({ elements }) => encodeRaw(elements));
  const headers = tensors.map(({ name, datatype, shape }, i): Header => ({ name, datatype, shape, bytes: (raw[i] as Uint8Array).length }));
  const json = Buffer.from(JSON.stringify(headers));
  const start = aligned(LENGTH_BYTES + json.length);
  const total = raw.reduce((sum, { length }) => sum + aligned(length), start);
  if (total > TENSOR_BYTES_MAX) {
    throw new MillraceError('REQUEST_TOO_LARGE', `Tensors of one run have ${total} bytes, at most ${TENSOR_BYTES_MAX} are taken. Send fewer rows at a time.`);
  }
  const out = Buffer.alloc(total);
  out.writeUInt32LE(json.length, 0);
  out.set(json, LENGTH_BYTES);
  let at = start;
  for (const bytes of raw) {
    out.set(bytes, at);
    at += aligned(bytes.length);
  }
  return out;
}

/** The tensors lie over the payload: leave it alone afterwards. */
export function decodeTensors(payload: Uint8Array): Tensor[] {
  const jsonLength = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
  const json = Buffer.from(payload.buffer, payload.byteOffset + LENGTH_BYTES, jsonLength).toString();
  let at = aligned(LENGTH_BYTES + jsonLength);
  return (JSON.parse(json) as Header[]).map(({ name, datatype, shape, bytes }) => {
    const elements = decodeRaw(datatype, elementCount(shape), payload.subarray(at, at + bytes));
    if (typeof elements === 'string') throw new RangeError(`tensor '${name}' of a frame: ${elements}`);
    at += aligned(bytes);
    return { name, datatype, shape, elements };
  });
}
