import type { JsonValue } from '../core/json.ts';

export const tensorflowFormats = ['layers-model', 'graph-model'] as const;
export type TensorflowFormat = (typeof tensorflowFormats)[number];

/** One weight of a model, as `model.json` lists it. */
export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  /** How it was made smaller; absent: it lies there as it is. */
  readonly quantization?: { readonly dtype: string } & Readonly<Record<string, JsonValue>>;
}

/** A TensorFlow.js model without its folder: what `model.json` says, and the bytes of all of its weights in the order of their specs. */
export interface PackedModel {
  readonly format: TensorflowFormat;
  readonly generatedBy: string | null;
  readonly convertedBy: string | null;
  readonly modelTopology: JsonValue;
  readonly weightSpecs: readonly WeightSpec[];
  /** Names and shapes of a graph model's tensors, where its converter kept them. */
  readonly signature: JsonValue;
  readonly weights: Uint8Array;
}

/** First bytes of the file. */
const MAGIC = Buffer.from('MTFJ0001', 'latin1');
const HEAD_BYTES = MAGIC.length + 4;

/** One file of a model, so that one digest covers topology and weights: magic, length of the JSON (uint32, little-endian), JSON, weights. */
export function packModel({ weights, ...described }: PackedModel): Buffer {
  const json = Buffer.from(JSON.stringify(described));
  const head = Buffer.alloc(HEAD_BYTES);
  MAGIC.copy(head);
  head.writeUInt32LE(json.length, MAGIC.length);
  return Buffer.concat([head, json, weights]);
}

/** The weights are a part of the bytes, not a copy. @throws RangeError where the bytes are no packed model, or its weights are not as long as their specs say */
export function unpackModel(bytes: Uint8Array): PackedModel {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < HEAD_BYTES || !view.subarray(0, MAGIC.length).equals(MAGIC)) throw new RangeError('it is no packed TensorFlow.js model');
  const jsonEnd = HEAD_BYTES + view.readUInt32LE(MAGIC.length);
  if (jsonEnd > view.length) throw new RangeError('it ends inside its description');
  const described = parseDescription(view.subarray(HEAD_BYTES, jsonEnd));
  const weights = new Uint8Array(bytes.buffer, bytes.byteOffset + jsonEnd, bytes.byteLength - jsonEnd);
  const expected = weightBytes(described.weightSpecs);
  if (expected !== null && expected !== weights.length) throw new RangeError(`it has ${weights.length} bytes of weights, its specs say ${expected}`);
  return { ...described, weights };
}

function parseDescription(json: Buffer): Omit<PackedModel, 'weights'> {
  try {
    return JSON.parse(json.toString()) as Omit<PackedModel, 'weights'>;
  } catch (cause) {
    throw new RangeError('its description is no JSON', { cause });
  }
}

const elementBytes: Readonly<Record<string, number>> = { float32: 4, int32: 4, bool: 1, complex64: 8, uint8: 1, uint16: 2, float16: 2 };

/** Bytes of all weights; null where one of them is of texts, whose lengths only the bytes tell. */
export function weightBytes(specs: readonly WeightSpec[]): number | null {
  let sum = 0;
  for (const { shape, dtype, quantization } of specs) {
    const each = elementBytes[quantization?.dtype ?? dtype];
    if (each === undefined) return null;
    sum += each * shape.reduce((product, size) => product * size, 1);
  }
  return sum;
}
