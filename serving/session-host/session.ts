import type { GraphTensors } from '../../src/contracts/graph-tensors.ts';
import type { TensorSpec } from '../../src/contracts/tensor.ts';

/** Where a session runs: a process of its own, or the serving process itself. */
export type Placement = 'child' | 'in-process';

export const executionProviders = ['cuda', 'cpu'] as const;
export type ExecutionProvider = (typeof executionProviders)[number];

/** A model file by content. */
export interface ModelSource {
  /** Of a run; 1, where absent. */
  readonly threads?: number;
  readonly path: string;
  readonly sha256: string;
  /** Tried in order. */
  readonly providers: readonly ExecutionProvider[];
}

/** A model file and what it must look like. */
export interface SessionSource extends ModelSource {
  /** Values of one row of the input. */
  readonly columns: number;
  /** Of an imported graph; absent: those of Millrace. */
  readonly tensors?: GraphTensors | undefined;
}

/** A model file whose tensors are its own, and what they must be. */
export interface TensorSource extends ModelSource {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** An open model: float32 rows in, one float32 score per row out. */
export interface Session {
  readonly placement: Placement;
  readonly provider: ExecutionProvider;
  /**
   * @param features row-major, `rows` x columns; must not change until the answer.
   * @throws SERVING_SESSION_LOST (the process died or hung), SERVING_SESSION_FAILED
   */
  run(features: Float32Array, rows: number): Promise<Float32Array>;
  close(): Promise<void>;
}
