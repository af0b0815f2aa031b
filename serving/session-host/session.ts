import type { GraphTensors } from '../../src/contracts/graph-tensors.ts';

/** Where a session runs: a process of its own, or the serving process itself. */
export type Placement = 'child' | 'in-process';

export const executionProviders = ['cuda', 'cpu'] as const;
export type ExecutionProvider = (typeof executionProviders)[number];

/** A model file and what it must look like. */
export interface SessionSource {
  readonly path: string;
  readonly sha256: string;
  /** Values of one row of the input. */
  readonly columns: number;
  /** Of a run; 1, where absent. */
  readonly threads?: number;
  /** Of an imported graph; absent: those of Millrace. */
  readonly tensors?: GraphTensors | undefined;
  /** Tried in order. */
  readonly providers: readonly ExecutionProvider[];
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
