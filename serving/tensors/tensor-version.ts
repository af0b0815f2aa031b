import { platforms } from '../../src/contracts/model-bundle.ts';
import type { Tensor } from '../../src/contracts/tensor.ts';
import type { TensorSignature } from '../../src/contracts/tensor-signature.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import type { TensorBundle } from '../../src/registry/bundle.ts';
import type { Timers } from '../batcher/timers.ts';
import type { SessionHost, WarmTensorSession } from '../session-host/session-host.ts';
import type { Session } from '../session-host/session.ts';
import { TensorBatcher, type TensorAnswer } from './tensor-batcher.ts';

export interface TensorVersionOptions {
  readonly queueRowsMax: number;
  readonly timers: Timers;
  readonly onBatch: (rows: number) => void;
}

/** A version of a model without a feature service, loaded and verified, with its own session and batcher. */
export class TensorVersion {
  readonly version: number;
  readonly digest: string;
  readonly platform: string;
  readonly signature: TensorSignature;
  readonly #session: WarmTensorSession['session'];
  readonly #batcher: TensorBatcher;
  #closed = false;

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

  get session(): Pick<Session, 'placement' | 'provider'> {
    return this.#session;
  }

  get queuedRows(): number {
    return this.#batcher.queuedRows;
  }

  /** @throws MODEL_NOT_READY, SERVING_OVERLOADED, SERVING_DEADLINE_EXCEEDED, SERVING_SESSION_*, REQUEST_TOO_LARGE */
  async run(inputs: readonly Tensor[], deadline: number): Promise<TensorAnswer> {
    if (this.#closed) {
      const what = `Model '${this.signature.model}' version ${this.version}`;
      throw new MillraceError('MODEL_NOT_READY', `${what} takes no more requests: it was replaced. Try again.`);
    }
    return this.#batcher.submit(inputs, deadline);
  }

  /** Answers what it has taken, then lets the session go with its process. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#batcher.idle();
    await this.#session.close();
  }
}

/** @throws SERVING_VERSION_REJECTED, SERVING_SESSION_LOST, SERVING_SESSION_FAILED */
export async function loadTensorVersion(bundle: TensorBundle, host: SessionHost, options: TensorVersionOptions): Promise<TensorVersion> {
  const { signature } = bundle;
  const warm = await host.loadTensors({
    label: `${bundle.model}/${bundle.version}`,
    role: bundle.graph.role,
    path: bundle.graph.path,
    sha256: bundle.graph.sha256,
    inputs: signature.inputs,
    outputs: signature.outputs,
    golden: bundle.goldenBatch,
  });
  return new TensorVersion(bundle, warm, options);
}
