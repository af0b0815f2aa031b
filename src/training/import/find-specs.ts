import type { TensorSpec } from '../../contracts/tensor.ts';
import { datatypeOfOnnx } from '../../registry/onnx-tensors.ts';
import type { GraphValue } from './opened-graph.ts';

/** Tensors of one side of a graph, and dimensions of one tensor: those of an Open Inference Protocol request. */
const TENSORS_MAX = 64;
const DIMENSIONS_MAX = 8;

/** A graph's tensors as the Open Inference Protocol has them; open dimensions are -1. */
export function findSpecs(kind: 'input' | 'output', metadata: readonly GraphValue[], problems: string[]): TensorSpec[] {
  if (metadata.length < 1 || metadata.length > TENSORS_MAX) problems.push(`expected 1 to ${TENSORS_MAX} ${kind}s, found ${metadata.length}`);
  return metadata.flatMap((value): TensorSpec[] => {
    const { name } = value;
    if (!value.isTensor) {
      problems.push(`${kind} '${name}' is a list or a map: export it as a tensor (zipmap=False for class probabilities)`);
      return [];
    }
    const datatype = datatypeOfOnnx(value.type);
    if (datatype === undefined) problems.push(`${kind} '${name}' is of type ${value.type}, which the Open Inference Protocol does not have`);
    const { length } = value.shape;
    const isFit = length >= 1 && length <= DIMENSIONS_MAX;
    if (!isFit) problems.push(`${kind} '${name}': expected 1 to ${DIMENSIONS_MAX} dimensions, found ${length}`);
    if (datatype === undefined || !isFit) return [];
    return [{ name, datatype, shape: value.shape.map((size) => (typeof size === 'number' && size >= 0 ? size : -1)) }];
  });
}

type Metadata = readonly GraphValue[];

/** Whether the first dimension of all tensors is open, and the same in all inputs: it may be rows. */
export function mayShareRuns(inputs: Metadata, outputs: Metadata): boolean {
  const first = (metadata: Metadata) => metadata.map((value) => (value.isTensor ? value.shape[0] : undefined));
  const isOpen = (size: number | string | undefined): boolean => typeof size === 'string' || (typeof size === 'number' && size < 0);
  return [...first(inputs), ...first(outputs)].every(isOpen) && new Set(first(inputs)).size === 1;
}
