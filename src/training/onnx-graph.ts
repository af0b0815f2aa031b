import { ATTRIBUTE_INT, modelProto, onnxType } from './onnx-schema.ts';

const IR_VERSION = 8;
const OPSET = 17;

/** A tensor's shape; a name stands for a length that is known when the model runs. */
export type OnnxShape = readonly (number | string)[];

export interface OnnxGraph {
  /** A constant; returns its name. Integers become int64. */
  constant(
    name: string,
    values: Float32Array | readonly number[],
    dims: readonly number[],
    type?: 'float' | 'int64',
  ): string;
  /** A node with one output; returns the output's name, which is the node's too. */
  node(
    opType: string,
    name: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, number>>,
  ): string;
  encode(
    input: { name: string; shape: OnnxShape },
    output: { name: string; shape: OnnxShape },
    doc: string,
  ): Uint8Array;
}

export function createOnnxGraph(graphName: string): OnnxGraph {
  const nodes: object[] = [];
  const initializers: object[] = [];
  return {
    constant(name, values, dims, type = 'float') {
      initializers.push({ name, dims, dataType: onnxType[type], rawData: rawBytes(values, type) });
      return name;
    },
    node(opType, name, inputs, attributes = {}) {
      const attribute = Object.entries(attributes).map(([key, i]) => ({ name: key, i, type: ATTRIBUTE_INT }));
      nodes.push({ opType, name, input: inputs, output: [name], attribute });
      return name;
    },
    encode(input, output, doc) {
      const message = {
        irVersion: IR_VERSION,
        producerName: 'millrace',
        docString: doc,
        opsetImport: [{ domain: '', version: OPSET }],
        graph: {
          name: graphName,
          node: nodes,
          initializer: initializers,
          input: [valueInfo(input)],
          output: [valueInfo(output)],
        },
      };
      return Uint8Array.from(modelProto.encode(modelProto.fromObject(message)).finish());
    },
  };
}

function valueInfo({ name, shape }: { name: string; shape: OnnxShape }): object {
  const dim = shape.map((length) =>
    typeof length === 'number' ? { dimValue: length } : { dimParam: length },
  );
  return { name, type: { tensorType: { elemType: onnxType.float, shape: { dim } } } };
}

/** Little-endian, as the format wants it whatever the machine. */
function rawBytes(values: ArrayLike<number>, type: 'float' | 'int64'): Uint8Array {
  const size = type === 'float' ? 4 : 8;
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) {
    if (type === 'float') view.setFloat32(i * size, values[i] as number, true);
    else view.setBigInt64(i * size, BigInt(values[i] as number), true);
  }
  return bytes;
}
