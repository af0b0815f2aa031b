import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import protobuf from 'protobufjs/minimal.js';
import type { GoldenBatch } from '../../../src/contracts/model-bundle.ts';

export const FLOAT = 1;
export const INT64 = 7;
const IR_VERSION = 8;
const OPSET = 17;

export interface TinyModel {
  readonly weights: readonly number[];
  readonly bias: number;
  readonly inputName?: string;
  /** Keep the weights "in another file": such a model must be refused. */
  readonly externalWeights?: boolean;
}

/** The bytes of `score = sigmoid(features x weights + bias)`, where null counts as 0. */
export function tinyOnnx(model: TinyModel): Uint8Array {
  const columns = model.weights.length;
  const input = model.inputName ?? 'features';
  const graph = new protobuf.Writer();
  node(graph, 'IsNaN', [input], 'isNull');
  node(graph, 'Where', ['isNull', 'zero', input], 'imputed');
  node(graph, 'Gemm', ['imputed', 'w', 'b'], 'z');
  node(graph, 'Sigmoid', ['z'], 'p');
  node(graph, 'Reshape', ['p', 'shape'], 'score');
  graph.uint32((2 << 3) | 2).string('tiny');
  tensor(graph, 'w', [columns, 1], FLOAT, floatBytes(model.weights), model.externalWeights ?? false);
  tensor(graph, 'b', [1], FLOAT, floatBytes([model.bias]), false);
  tensor(graph, 'zero', [], FLOAT, floatBytes([0]), false);
  tensor(graph, 'shape', [1], INT64, int64Bytes([-1n]), false);
  valueInfo(graph, 11, input, ['rows', columns]);
  valueInfo(graph, 12, 'score', ['rows']);
  return modelOf(graph);
}

/** A model of a graph. */
export function modelOf(graph: protobuf.Writer): Uint8Array {
  const writer = new protobuf.Writer();
  writer.uint32((1 << 3) | 0).int64(IR_VERSION);
  writer.uint32((7 << 3) | 2).bytes(graph.finish());
  writer.uint32((8 << 3) | 2).fork().uint32((2 << 3) | 0).int64(OPSET).ldelim();
  return writer.finish();
}

export function tinyScore(model: TinyModel, row: ArrayLike<number>): number {
  const z = model.weights.reduce((sum, weight, i) => sum + weight * (row[i] || 0), model.bias);
  return 1 / (1 + Math.exp(-z));
}

export function tinyGolden(model: TinyModel, rows = 4): GoldenBatch {
  const columns = model.weights.length;
  const features = Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i));
  const scores = Array.from({ length: rows }, (_, r) =>
    tinyScore(model, features.subarray(r * columns, (r + 1) * columns)),
  );
  return { rows, columns, features: Buffer.from(features.buffer).toString('base64'), scores, tolerance: 1e-5 };
}

/** Writes the model into the directory; answers its path and digest. */
export function writeTinyModel(directory: string, name: string, model: TinyModel): { role: 'model.onnx'; path: string; sha256: string } {
  const bytes = tinyOnnx(model);
  const file = path.join(directory, name);
  writeFileSync(file, bytes);
  return { role: 'model.onnx', path: file, sha256: createHash('sha256').update(bytes).digest('hex') };
}

export const int64Bytes = (values: readonly bigint[]) => new Uint8Array(BigInt64Array.from(values).buffer);
export const floatBytes = (values: readonly number[]) => new Uint8Array(Float32Array.from(values).buffer);

/** @param attributes writes the node's attributes */
export function node(
  graph: protobuf.Writer,
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: (writer: protobuf.Writer) => void = () => undefined,
): void {
  const writer = graph.uint32((1 << 3) | 2).fork();
  for (const name of inputs) writer.uint32((1 << 3) | 2).string(name);
  writer.uint32((2 << 3) | 2).string(output).uint32((4 << 3) | 2).string(op);
  attributes(writer);
  writer.ldelim();
}

export function tensor(
  graph: protobuf.Writer,
  name: string,
  dims: readonly number[],
  type: number,
  bytes: Uint8Array,
  external = false,
): void {
  const writer = graph.uint32((5 << 3) | 2).fork();
  for (const dim of dims) writer.uint32((1 << 3) | 0).int64(dim);
  writer.uint32((2 << 3) | 0).int32(type).uint32((8 << 3) | 2).string(name);
  if (external) {
    writer.uint32((13 << 3) | 2).fork().uint32((1 << 3) | 2).string('location').uint32((2 << 3) | 2).string('w.bin').ldelim();
    writer.uint32((14 << 3) | 0).int32(1);
  } else {
    writer.uint32((9 << 3) | 2).bytes(bytes);
  }
  writer.ldelim();
}

export function valueInfo(graph: protobuf.Writer, field: number, name: string, dims: readonly (number | string)[], elementType = FLOAT): void {
  const writer = graph.uint32((field << 3) | 2).fork();
  writer.uint32((1 << 3) | 2).string(name);
  const type = writer.uint32((2 << 3) | 2).fork().uint32((1 << 3) | 2).fork();
  type.uint32((1 << 3) | 0).int32(elementType);
  const shape = type.uint32((2 << 3) | 2).fork();
  for (const dim of dims) {
    const size = shape.uint32((1 << 3) | 2).fork();
    if (typeof dim === 'number') size.uint32((1 << 3) | 0).int64(dim);
    else size.uint32((2 << 3) | 2).string(dim);
    size.ldelim();
  }
  shape.ldelim();
  type.ldelim();
  writer.ldelim();
  writer.ldelim();
}
