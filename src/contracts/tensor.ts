/** How elements of each datatype lie in memory; those of BYTES are texts of bytes, each of its own length. */
export const elementArrays = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  /** The bits of each. */
  FP16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const;

export type NumericDatatype = keyof typeof elementArrays;
/** As the Open Inference Protocol names them. */
export type Datatype = NumericDatatype | 'BYTES';
export type NumericElements =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;
export type Elements = NumericElements | readonly Uint8Array[];

/** A dense tensor: its elements row-major. */
export interface Tensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly elements: Elements;
}

/** What a model takes or answers; -1 in a shape is any size. */
export interface TensorSpec {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
}

export const isNumeric = (datatype: Datatype): datatype is NumericDatatype => datatype !== 'BYTES';

export const isDatatype = (text: string): text is Datatype => text === 'BYTES' || Object.hasOwn(elementArrays, text);

export const datatypeNames: readonly string[] = [...Object.keys(elementArrays), 'BYTES'];

export const elementCount = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
