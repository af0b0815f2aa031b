import protobuf from 'protobufjs';

/**
 * The messages of ONNX's model format that an export needs, with the field numbers of the public
 * `onnx.proto` (ONNX IR version 8).
 */
const field = (id: number, type: string) => ({ id, type });
const list = (id: number, type: string) => ({ id, type, rule: 'repeated' });

const root = protobuf.Root.fromJSON({
  nested: {
    onnx: {
      nested: {
        ModelProto: {
          fields: {
            irVersion: field(1, 'int64'),
            opsetImport: list(8, 'OperatorSetIdProto'),
            producerName: field(2, 'string'),
            producerVersion: field(3, 'string'),
            docString: field(6, 'string'),
            graph: field(7, 'GraphProto'),
          },
        },
        // What a model says of itself; the rest of its bytes is passed over.
        ModelHeader: {
          fields: {
            irVersion: field(1, 'int64'),
            producerName: field(2, 'string'),
            producerVersion: field(3, 'string'),
            opsetImport: list(8, 'OperatorSetIdProto'),
          },
        },
        OperatorSetIdProto: { fields: { domain: field(1, 'string'), version: field(2, 'int64') } },
        GraphProto: {
          fields: {
            node: list(1, 'NodeProto'),
            name: field(2, 'string'),
            initializer: list(5, 'TensorProto'),
            input: list(11, 'ValueInfoProto'),
            output: list(12, 'ValueInfoProto'),
          },
        },
        NodeProto: {
          fields: {
            input: list(1, 'string'),
            output: list(2, 'string'),
            name: field(3, 'string'),
            opType: field(4, 'string'),
            attribute: list(5, 'AttributeProto'),
            domain: field(7, 'string'),
          },
        },
        AttributeProto: {
          fields: {
            name: field(1, 'string'),
            i: field(3, 'int64'),
            floats: list(7, 'float'),
            ints: list(8, 'int64'),
            strings: list(9, 'bytes'),
            type: field(20, 'int32'),
          },
        },
        TensorProto: {
          fields: {
            dims: list(1, 'int64'),
            dataType: field(2, 'int32'),
            name: field(8, 'string'),
            rawData: field(9, 'bytes'),
          },
        },
        ValueInfoProto: { fields: { name: field(1, 'string'), type: field(2, 'TypeProto') } },
        TypeProto: { fields: { tensorType: field(1, 'TensorTypeProto') } },
        TensorTypeProto: { fields: { elemType: field(1, 'int32'), shape: field(2, 'TensorShapeProto') } },
        TensorShapeProto: { fields: { dim: list(1, 'DimensionProto') } },
        DimensionProto: {
          oneofs: { value: { oneof: ['dimValue', 'dimParam'] } },
          fields: { dimValue: field(1, 'int64'), dimParam: field(2, 'string') },
        },
      },
    },
  },
});

export const modelProto = root.lookupType('onnx.ModelProto');

export const modelHeader = root.lookupType('onnx.ModelHeader');

/** TensorProto.DataType. */
export const onnxType = { float: 1, int64: 7 } as const;
/** AttributeProto.AttributeType, by the field that holds the value. */
export const attributeTypes = { i: 2, floats: 6, ints: 7, strings: 8 } as const;
