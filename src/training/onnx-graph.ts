import { attributeTypes, modelProto, onnxType } from './onnx-schema.ts';

const IR_VERSION = 8;
/** By domain; the empty one is ONNX's own. */
const opsets = { '': 17, 'ai.onnx.ml': 3 } as const;
export type OnnxDomain = keyof typeof opsets;

/** A whole number, or a list of one kind. */
export type OnnxAttribute = number | Partial<Record<'floats' | 'ints', readonly number[]>> | { readonly strings: readonly string[] };

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
    attributes?: Readonly<Record<string, OnnxAttribute>>,
    domain?: OnnxDomain,
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
  const domains = new Set<OnnxDomain>(['']);
  return {
    constant(name, values, dims, type = 'float') {
      initializers.push({ name, dims, dataType: onnxType[type], rawData: rawBytes(values, type) });
      return name;
    },
    node(opType, name, inputs, attributes = {}, domain = '') {
      const attribute = Object.entries(attributes).map(([key, value]) => attributeOf(key, value));
      nodes.push({ opType, name, input: inputs, output: [name], attribute, domain });
      domains.add(domain);
      return name;
    },
    encode(input, output, doc) {
      const message = {
        irVersion: IR_VERSION,
        producerName: 'millrace',
        docString: doc,
        opsetImport: [...domains].map((domain) => ({ domain, version: opsets[domain] })),
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

function attributeOf(name: string, value: OnnxAttribute): object {
  const field = typeof value === 'number' ? { i: value } : 'strings' in value ? { strings: value.strings.map((text) => Buffer.from(text)) } : value;
  const [kind] = Object.keys(field) as [keyof typeof attributeTypes];
  return { name, ...field, type: attributeTypes[kind] };
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
