/** Field numbers of the ONNX messages that can hold, or lead to, a tensor. */
const nested: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  model: { 7: 'graph', 25: 'function' },
  function: { 7: 'node', 11: 'attribute' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparseTensor' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparseTensor', 23: 'sparseTensor' },
  sparseTensor: { 1: 'tensor', 2: 'tensor' },
  tensor: {},
};
const NODE_OPERATOR_FIELD = 4;
const TENSOR_NAME_FIELD = 8;
const TENSOR_EXTERNAL_DATA_FIELD = 13;
const TENSOR_DATA_LOCATION_FIELD = 14;
const DATA_LOCATION_DEFAULT = 0;

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** What the bytes of a model say that ONNX Runtime does not. */
export interface OnnxFacts {
  /**
   * Name of a tensor whose values lie outside the file, or null where all are inside. A digest of the file would say nothing
   * about values that another file holds.
   */
  readonly externalTensor: string | null;
  /** Whether a node is a Loop: how long a run takes is then for the row to say. */
  readonly hasLoop: boolean;
}

/**
 * Walks the protobuf wire format.
 * @throws RangeError where the bytes are not an ONNX model
 */
export function inspectOnnx(bytes: Uint8Array): OnnxFacts {
  const facts = { externalTensor: null, hasLoop: false };
  walk(new Reader(bytes), bytes.length, 'model', facts);
  return facts;
}

function walk(reader: Reader, end: number, message: string, facts: { externalTensor: string | null; hasLoop: boolean }): void {
  let name = '';
  let external = false;
  while (reader.at < end) {
    const tag = reader.varint();
    const field = Math.floor(tag / 8);
    const wire = tag % 8;
    if (wire === LENGTH_DELIMITED) {
      const length = reader.varint();
      const fieldEnd = reader.at + length;
      if (fieldEnd > end) throw new RangeError(`field ${field} of ${message} runs past its message`);
      const child = nested[message]?.[field];
      if (child !== undefined) walk(reader, fieldEnd, child, facts);
      if (message === 'node' && field === NODE_OPERATOR_FIELD) facts.hasLoop ||= reader.text(fieldEnd) === 'Loop';
      if (message === 'tensor' && field === TENSOR_NAME_FIELD) name = reader.text(fieldEnd);
      if (message === 'tensor' && field === TENSOR_EXTERNAL_DATA_FIELD) external = true;
      reader.at = fieldEnd;
    } else {
      const value = reader.scalar(wire);
      if (message === 'tensor' && field === TENSOR_DATA_LOCATION_FIELD) external ||= value !== DATA_LOCATION_DEFAULT;
    }
  }
  if (external) facts.externalTensor ??= name;
}

class Reader {
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes[this.at++];
      if (byte === undefined) throw new RangeError('the file ends inside a number');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  /** Value of a varint field; other scalars are skipped and answered as 0. */
  scalar(wire: number): number {
    if (wire === VARINT) return this.varint();
    if (wire !== FIXED_64 && wire !== FIXED_32) throw new RangeError(`wire type ${wire} is not one of ONNX`);
    this.at += wire === FIXED_64 ? 8 : 4;
    if (this.at > this.#bytes.length) throw new RangeError('the file ends inside a number');
    return 0;
  }

  text(end: number): string {
    return new TextDecoder().decode(this.#bytes.subarray(this.at, end));
  }
}
