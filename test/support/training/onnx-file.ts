import { modelProto } from '../../../src/training/onnx-schema.ts';

/** TensorProto.DataType of ONNX, by the names that ONNX Runtime has for them. */
export const onnxTypes = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
} as const;
export type OnnxType = keyof typeof onnxTypes;

/** A tensor's name, type and shape; a text stands for any size. */
export type OnnxValue = readonly [name: string, type: OnnxType, shape: readonly (number | string)[]];
export type OnnxNode = readonly [
  opType: string,
  inputs: readonly string[],
  output: string,
  attributes?: Readonly<Record<string, number>>,
];

export interface OnnxFile {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Constants of float32 or int64. */
  readonly constants?: readonly (readonly [name: string, values: Float32Array | BigInt64Array, dims: readonly number[]])[];
  readonly opset?: number;
}

const ATTRIBUTE_INT = 2;

/** The bytes of an ONNX file as the tests want it, good or bad. */
export function onnxFile({ nodes, inputs, outputs, constants = [], opset = 17 }: OnnxFile): Buffer {
  const message = {
    irVersion: 8,
    producerName: 'a test',
    producerVersion: '1.2',
    opsetImport: [{ domain: '', version: opset }],
    graph: {
      name: 'test',
      node: nodes.map(([opType, input, output, attributes = {}]) => ({
        opType,
        name: output,
        input,
        output: [output],
        attribute: Object.entries(attributes).map(([name, i]) => ({ name, i, type: ATTRIBUTE_INT })),
      })),
      initializer: constants.map(([name, values, dims]) => ({
        name,
        dims,
        dataType: values instanceof Float32Array ? onnxTypes.float32 : onnxTypes.int64,
        rawData: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
      })),
      input: inputs.map(valueInfo),
      output: outputs.map(valueInfo),
    },
  };
  return Buffer.from(modelProto.encode(modelProto.fromObject(message)).finish());
}

function valueInfo([name, type, shape]: OnnxValue): object {
  const dim = shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: onnxTypes[type], shape: { dim } } } };
}
