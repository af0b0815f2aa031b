import protobuf from 'protobufjs/minimal.js';
import { createRandom } from '../fold/activity-view.ts';

const IR_VERSION = 8;
const OPSET = 17;
const ML_DOMAIN = 'ai.onnx.ml';
const ML_OPSET = 3;
const FLOAT = 1;
const INT64 = 7;
/** AttributeProto: field and AttributeType of each kind. */
const attributeKinds = { int: [3, 2], floats: [7, 6], ints: [8, 7], strings: [9, 8] } as const;

/** A binary tree as ONNX has it: nodes in a row; a leaf has a weight instead of children. */
interface Node {
  readonly feature: number;
  readonly threshold: number;
  readonly weight: number;
  left: number;
  right: number;
}

export interface TreesShape {
  readonly columns: number;
  readonly trees: number;
  readonly leaves: number;
}

/**
 * `features` [rows, columns] to `score` [rows] by as many trees, grown leaf by leaf as LightGBM grows them: what they ask
 * is random, so each row goes its own way through them.
 */
export function treesOnnx({ columns, trees, leaves }: TreesShape): Uint8Array {
  const random = createRandom();
  const forest = Array.from({ length: trees }, () => growTree(random, columns, leaves));
  const graph = new protobuf.Writer();
  ensemble(graph, forest);
  node(graph, 'Sigmoid', ['sum'], 'probability').ldelim();
  node(graph, 'Reshape', ['probability', 'shape'], 'score').ldelim();
  graph.uint32((2 << 3) | 2).string('trees');
  const shape = graph.uint32((5 << 3) | 2).fork();
  shape.uint32((1 << 3) | 0).int64(1).uint32((2 << 3) | 0).int32(INT64).uint32((8 << 3) | 2).string('shape');
  shape.uint32((9 << 3) | 2).bytes(new Uint8Array(new BigInt64Array([-1n]).buffer)).ldelim();
  valueInfo(graph, 11, 'features', ['rows', columns]);
  valueInfo(graph, 12, 'score', ['rows']);
  const writer = new protobuf.Writer();
  writer.uint32((1 << 3) | 0).int64(IR_VERSION);
  writer.uint32((7 << 3) | 2).bytes(graph.finish());
  writer.uint32((8 << 3) | 2).fork().uint32((2 << 3) | 0).int64(OPSET).ldelim();
  writer.uint32((8 << 3) | 2).fork().uint32((1 << 3) | 2).string(ML_DOMAIN).uint32((2 << 3) | 0).int64(ML_OPSET).ldelim();
  return writer.finish();
}

function growTree(random: () => number, columns: number, leaves: number): Node[] {
  const nodes: Node[] = [];
  const add = (): number =>
    nodes.push({ feature: Math.floor(random() * columns), threshold: random() * 3 - 1.5, weight: (random() - 0.5) / 10, left: -1, right: -1 }) - 1;
  const open = [add()];
  while (open.length < leaves) {
    const [split] = open.splice(Math.floor(random() * open.length), 1);
    const parent = nodes[split!]!;
    parent.left = add();
    parent.right = add();
    open.push(parent.left, parent.right);
  }
  return nodes;
}

function ensemble(graph: protobuf.Writer, forest: readonly Node[][]): void {
  const all = forest.flatMap((nodes, tree) => nodes.map((one, id) => ({ ...one, tree, id, leaf: one.left < 0 })));
  const leaves = all.filter(({ leaf }) => leaf);
  const writer = node(graph, 'TreeEnsembleRegressor', ['features'], 'sum');
  writer.uint32((7 << 3) | 2).string(ML_DOMAIN);
  attribute(writer, 'n_targets', 'int', [1]);
  attribute(writer, 'nodes_treeids', 'ints', all.map(({ tree }) => tree));
  attribute(writer, 'nodes_nodeids', 'ints', all.map(({ id }) => id));
  attribute(writer, 'nodes_featureids', 'ints', all.map(({ feature, leaf }) => (leaf ? 0 : feature)));
  attribute(writer, 'nodes_values', 'floats', all.map(({ threshold, leaf }) => (leaf ? 0 : threshold)));
  attribute(writer, 'nodes_modes', 'strings', all.map(({ leaf }) => (leaf ? 'LEAF' : 'BRANCH_LEQ')));
  attribute(writer, 'nodes_truenodeids', 'ints', all.map(({ left }) => Math.max(0, left)));
  attribute(writer, 'nodes_falsenodeids', 'ints', all.map(({ right }) => Math.max(0, right)));
  attribute(writer, 'target_treeids', 'ints', leaves.map(({ tree }) => tree));
  attribute(writer, 'target_nodeids', 'ints', leaves.map(({ id }) => id));
  attribute(writer, 'target_ids', 'ints', leaves.map(() => 0));
  attribute(writer, 'target_weights', 'floats', leaves.map(({ weight }) => weight));
  writer.ldelim();
}

/** Leaves the node open for attributes. */
function node(graph: protobuf.Writer, op: string, inputs: readonly string[], output: string): protobuf.Writer {
  const writer = graph.uint32((1 << 3) | 2).fork();
  for (const name of inputs) writer.uint32((1 << 3) | 2).string(name);
  return writer.uint32((2 << 3) | 2).string(output).uint32((4 << 3) | 2).string(op);
}

function attribute(writer: protobuf.Writer, name: string, kind: keyof typeof attributeKinds, values: readonly (number | string)[]): void {
  const [field, type] = attributeKinds[kind];
  const one = writer.uint32((5 << 3) | 2).fork().uint32((1 << 3) | 2).string(name);
  for (const value of values) {
    if (typeof value === 'string') one.uint32((field << 3) | 2).string(value);
    else if (kind === 'floats') one.uint32((field << 3) | 5).float(value);
    else one.uint32((field << 3) | 0).int64(value);
  }
  one.uint32((20 << 3) | 0).int32(type).ldelim();
}

function valueInfo(graph: protobuf.Writer, field: number, name: string, dims: readonly (number | string)[]): void {
  const writer = graph.uint32((field << 3) | 2).fork().uint32((1 << 3) | 2).string(name);
  const tensor = writer.uint32((2 << 3) | 2).fork().uint32((1 << 3) | 2).fork().uint32((1 << 3) | 0).int32(FLOAT);
  const shape = tensor.uint32((2 << 3) | 2).fork();
  for (const dim of dims) {
    const size = shape.uint32((1 << 3) | 2).fork();
    if (typeof dim === 'number') size.uint32((1 << 3) | 0).int64(dim);
    else size.uint32((2 << 3) | 2).string(dim);
    size.ldelim();
  }
  shape.ldelim();
  tensor.ldelim();
  writer.ldelim();
  writer.ldelim();
}
