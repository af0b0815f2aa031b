import type { GraphTensors } from '../../src/contracts/graph-tensors.ts';
import type { RuntimeRole } from '../../src/contracts/model-bundle.ts';
import type { Tensor, TensorSpec } from '../../src/contracts/tensor.ts';
import type { BackendName } from '../../src/tensorflow/tensorflow-backend.ts';

/** Where a session runs: a process of its own, or the serving process itself. */
export type Placement = 'child' | 'in-process';

export const executionProviders = ['cuda', 'cpu'] as const;
export type ExecutionProvider = (typeof executionProviders)[number];

/** What models may run on, by runtime; each list is tried in order. */
export interface Runtimes {
  /** Of ONNX Runtime. */
  readonly providers: readonly ExecutionProvider[];
  /** Of TensorFlow.js. */
  readonly tensorflowBackends: readonly BackendName[];
  /** Path of a TensorFlow.js addon that was built on this machine; absent: none. */
  readonly tensorflowAddon?: string | undefined;
}

/** A model file by content. */
export interface ModelSource extends Runtimes {
  /** Of a run; 1, where absent. */
  readonly threads?: number;
  /** Says which runtime it is for. */
  readonly role: RuntimeRole;
  readonly path: string;
  readonly sha256: string;
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

/** What a model that is open came to run on. */
export interface RunsOn {
  /** An execution provider of ONNX Runtime, or a backend of TensorFlow.js. */
  readonly provider: string;
  /** Why those before it in the list were passed over. */
  readonly passedOver: readonly string[];
}

/** A model of rows that is open in this very process: `run` blocks the thread that it is called on. */
export interface RowSession extends RunsOn {
  run(features: Float32Array, rows: number): Promise<Float32Array>;
  release(): Promise<void>;
}

/** A model of tensors of its own that is open in this very process: `run` blocks the thread that it is called on. */
export interface TensorSession extends RunsOn {
  run(inputs: readonly Tensor[]): Promise<Tensor[]>;
  release(): Promise<void>;
}

/** An open model: float32 rows in, one float32 score per row out. */
export interface Session {
  readonly placement: Placement;
  readonly provider: string;
  /**
   * @param features row-major, `rows` x columns; must not change until the answer.
   * @throws SERVING_SESSION_LOST (the process died or hung), SERVING_SESSION_FAILED
   */
  run(features: Float32Array, rows: number): Promise<Float32Array>;
  close(): Promise<void>;
}
