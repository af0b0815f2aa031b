import { platforms, type RuntimeRole } from '../../src/contracts/model-bundle.ts';
import type { Tensor } from '../../src/contracts/tensor.ts';
import type { TensorSignature } from '../../src/contracts/tensor-signature.ts';
import type { TensorBundle } from '../../src/registry/bundle.ts';
import type { Timers } from '../batcher/timers.ts';
import type { SessionHost, WarmTensorSession } from '../session-host/session-host.ts';
import type { RunnableVersion, TensorAsked } from './runnable-version.ts';
import { TensorBatcher, type TensorAnswer } from './tensor-batcher.ts';

export interface TensorVersionOptions {
  readonly queueRowsMax: number;
  readonly timers: Timers;
  readonly onBatch: (rows: number, tookMs: number) => void;
}

/** A version of a model without a feature service, loaded and verified, with its own session and batcher. */
export class TensorVersion implements RunnableVersion {
  readonly version: number;
  readonly digest: string;
  readonly platform: string;
  readonly signature: TensorSignature;
  readonly ensemble = null;
  readonly #session: WarmTensorSession['session'];
  readonly #batcher: TensorBatcher;

  constructor({ version, digest, signature, graph }: TensorBundle, { session, runMs }: WarmTensorSession, options: TensorVersionOptions) {
    this.version = version;
    this.digest = digest;
    this.platform = platforms[graph.role];
    this.signature = signature;
    this.#session = session;
    this.#batcher = new TensorBatcher({
      ...options,
      label: `model '${signature.model}' version ${version}`,
      batched: signature.batched,
      batchRowsMax: signature.batchRowsMax,
      runMs,
      run: async (inputs) => (await session.runTensors(inputs)).outputs,
    });
  }

  get session(): RunnableVersion['session'] {
    return this.#session;
  }

  get queuedRows(): number {
    return this.#batcher.queuedRows;
  }

  /** @throws SERVING_OVERLOADED, SERVING_DEADLINE_EXCEEDED, SERVING_CANCELLED, SERVING_SESSION_*, REQUEST_TOO_LARGE */
  run(inputs: readonly Tensor[], deadline: number, asked?: TensorAsked): Promise<TensorAnswer> {
    return this.#batcher.submit(inputs, deadline, asked?.departure);
  }

  /** Answers what it has taken, then lets the session go with its process. */
  async close(): Promise<void> {
    await this.#batcher.idle();
    await this.#session.close();
  }
}

/** @throws SERVING_VERSION_REJECTED, SERVING_SESSION_LOST, SERVING_SESSION_FAILED */
export async function loadTensorVersion(bundle: TensorBundle, role: RuntimeRole, host: SessionHost, options: TensorVersionOptions): Promise<TensorVersion> {
  const { signature } = bundle;
  const warm = await host.loadTensors({
    label: `${bundle.model}/${bundle.version}`,
    role,
    path: bundle.graph.path,
    sha256: bundle.graph.sha256,
    inputs: signature.inputs,
    outputs: signature.outputs,
    golden: bundle.goldenBatch,
  });
  return new TensorVersion(bundle, warm, options);
}
