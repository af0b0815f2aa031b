import { elementArrays, isNumeric, type Datatype, type Elements, type Tensor } from '../contracts/tensor.ts';

/** Datatypes by ONNX Runtime's names; types that are not here are none of the Open Inference Protocol. */
const datatypeOf: Readonly<Record<string, Datatype>> = {
  bool: 'BOOL',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  float16: 'FP16',
  float32: 'FP32',
  float64: 'FP64',
  string: 'BYTES',
};
const onnxTypeOf = Object.fromEntries(Object.entries(datatypeOf).map(([type, datatype]) => [datatype, type])) as Readonly<Record<Datatype, string>>;

/** A tensor as ONNX Runtime has it, whoever loaded that. */
export interface OnnxTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

export const datatypeOfOnnx = (type: string): Datatype | undefined => datatypeOf[type];

/** @throws TypeError where BYTES are no UTF-8: ONNX's strings are texts */
export function toOnnx({ datatype, shape, elements }: Tensor): OnnxTensor {
  const data = ArrayBuffer.isView(elements) ? elements : elements.map((bytes) => decoder.decode(bytes));
  return { type: onnxTypeOf[datatype], dims: shape, data };
}

export function fromOnnx(name: string, { type, dims, data }: OnnxTensor): Tensor {
  const datatype = datatypeOf[type];
  if (datatype === undefined) throw new TypeError(`output '${name}' is of type ${type}, which the Open Inference Protocol has not`);
  return { name, datatype, shape: [...dims], elements: elementsOf(datatype, data) };
}

function elementsOf(datatype: Datatype, data: unknown): Elements {
  if (!isNumeric(datatype)) return (data as readonly string[]).map((text) => encoder.encode(text));
  const view = data as ArrayBufferView & { readonly length: number };
  // Halves may come as floats of their own, where JavaScript has these.
  return new elementArrays[datatype](view.buffer as ArrayBuffer, view.byteOffset, view.length);
}
