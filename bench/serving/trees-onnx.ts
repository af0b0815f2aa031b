import { createOnnxGraph, type OnnxAttribute } from '../../src/training/onnx-graph.ts';
import { createRandom } from '../fold/activity-view.ts';

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
  const graph = createOnnxGraph('trees');
  const sum = graph.node('TreeEnsembleRegressor', 'sum', ['features'], ensemble(forest), 'ai.onnx.ml');
  const probability = graph.node('Sigmoid', 'probability', [sum]);
  graph.node('Reshape', 'score', [probability, graph.constant('shape', [-1], [1], 'int64')]);
  return graph.encode({ name: 'features', shape: ['rows', columns] }, { name: 'score', shape: ['rows'] }, 'trees that were grown at random');
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

function ensemble(forest: readonly Node[][]): Readonly<Record<string, OnnxAttribute>> {
  const all = forest.flatMap((nodes, tree) => nodes.map((one, id) => ({ ...one, tree, id, leaf: one.left < 0 })));
  const leaves = all.filter(({ leaf }) => leaf);
  return {
    n_targets: 1,
    nodes_treeids: { ints: all.map(({ tree }) => tree) },
    nodes_nodeids: { ints: all.map(({ id }) => id) },
    nodes_featureids: { ints: all.map(({ feature, leaf }) => (leaf ? 0 : feature)) },
    nodes_values: { floats: all.map(({ threshold, leaf }) => (leaf ? 0 : threshold)) },
    nodes_modes: { strings: all.map(({ leaf }) => (leaf ? 'LEAF' : 'BRANCH_LEQ')) },
    nodes_truenodeids: { ints: all.map(({ left }) => Math.max(0, left)) },
    nodes_falsenodeids: { ints: all.map(({ right }) => Math.max(0, right)) },
    target_treeids: { ints: leaves.map(({ tree }) => tree) },
    target_nodeids: { ints: leaves.map(({ id }) => id) },
    target_ids: { ints: leaves.map(() => 0) },
    target_weights: { floats: leaves.map(({ weight }) => weight) },
  };
}
