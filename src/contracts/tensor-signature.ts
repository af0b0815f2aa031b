import type { TensorSpec } from './tensor.ts';

/** What a model takes and answers that has no feature service: its graph's own tensors. */
export interface TensorSignature {
  readonly model: string;
  readonly task: 'tensors';
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Whether requests may share a run: the first dimension of all tensors is rows, and rows don't depend on one another. */
  readonly batched: boolean;
  /** Rows of a shared run. */
  readonly batchRowsMax: number;
  /** It reads no views. */
  readonly viewVersions: Readonly<Record<string, never>>;
}

/** A tensor as text. */
export interface GoldenTensor extends TensorSpec {
  /** base64 of its elements as `encodeRaw` has them. */
  readonly elements: string;
}

/** Inputs, and the outputs that the graph gave for them when it was imported; null where no made inputs would do. */
export interface GoldenTensors {
  readonly tensors: { readonly inputs: readonly GoldenTensor[]; readonly outputs: readonly GoldenTensor[] } | null;
  /** Largest difference of floating point numbers that still counts as the same, relative to numbers above 1. */
  readonly tolerance: number;
}
