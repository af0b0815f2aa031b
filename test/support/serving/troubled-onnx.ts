import protobuf from 'protobufjs/minimal.js';
import type { GoldenBatch } from '../../../src/contracts/model-bundle.ts';
import { FLOAT, floatBytes, INT64, int64Bytes, modelOf, node, tensor, valueInfo } from './tiny-onnx.ts';

const BOOL = 9;
const GRAPH_ATTRIBUTE = 5;
const INT_ATTRIBUTE = 2;

/** What the third column of a row asks of the model; anything beyond makes its run fail. */
export const troubles = { none: 0, nan: 1, infinity: 2, hang: 3, slow: 4, fail: 5 } as const;
export const TROUBLED_SCORE = 0.25;

const scores = [TROUBLED_SCORE, Number.NaN, Number.POSITIVE_INFINITY, TROUBLED_SCORE, TROUBLED_SCORE];
/** Times that the loop goes round: for ever, as far as a test goes, and some tens of milliseconds. */
const rounds = [0n, 0n, 0n, 1_000_000_000_000n, 60_000n];
const TROUBLE_COLUMN = 2;

/** A model of four columns that passes every check before traffic, and does what a row's third column says. */
export function troubledOnnx(): Uint8Array {
  const graph = new protobuf.Writer();
  node(graph, 'Gather', ['features', 'column'], 'asked', intAttribute('axis', 1));
  node(graph, 'Cast', ['asked'], 'which', intAttribute('to', INT64));
  node(graph, 'Gather', ['scores', 'which'], 'found');
  node(graph, 'Gather', ['rounds', 'which'], 'each');
  node(graph, 'ReduceMax', ['each'], 'most', intAttribute('keepdims', 0));
  node(graph, 'Loop', ['most', '', 'found'], 'score', bodyAttribute);
  graph.uint32((2 << 3) | 2).string('troubled');
  tensor(graph, 'column', [], INT64, int64Bytes([BigInt(TROUBLE_COLUMN)]));
  tensor(graph, 'scores', [scores.length], FLOAT, floatBytes(scores));
  tensor(graph, 'rounds', [rounds.length], INT64, int64Bytes(rounds));
  valueInfo(graph, 11, 'features', ['rows', 4]);
  valueInfo(graph, 12, 'score', ['rows']);
  return modelOf(graph);
}

export const troubledGolden: GoldenBatch = {
  rows: 1,
  columns: 4,
  features: Buffer.from(new Float32Array(4).buffer).toString('base64'),
  scores: [TROUBLED_SCORE],
  tolerance: 0,
};

const intAttribute = (name: string, value: number) => (writer: protobuf.Writer) => {
  writer.uint32((5 << 3) | 2).fork().uint32((1 << 3) | 2).string(name);
  writer.uint32((3 << 3) | 0).int64(value).uint32((20 << 3) | 0).int32(INT_ATTRIBUTE).ldelim();
};

/** The loop's body: gives on what it is given. */
function bodyAttribute(writer: protobuf.Writer): void {
  const body = new protobuf.Writer();
  node(body, 'Identity', ['go_on'], 'goes_on');
  node(body, 'Identity', ['value'], 'next_value');
  body.uint32((2 << 3) | 2).string('body');
  valueInfo(body, 11, 'round', [], INT64);
  valueInfo(body, 11, 'go_on', [], BOOL);
  valueInfo(body, 11, 'value', ['rows']);
  valueInfo(body, 12, 'goes_on', [], BOOL);
  valueInfo(body, 12, 'next_value', ['rows']);
  writer.uint32((5 << 3) | 2).fork().uint32((1 << 3) | 2).string('body');
  writer.uint32((6 << 3) | 2).bytes(body.finish()).uint32((20 << 3) | 0).int32(GRAPH_ATTRIBUTE).ldelim();
}
