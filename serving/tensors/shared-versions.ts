import type { Tensor } from '../../src/contracts/tensor.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import type { RunnableVersion, TensorAsked } from './runnable-version.ts';
import type { TensorAnswer } from './tensor-batcher.ts';

interface Shared {
  readonly loading: Promise<RunnableVersion>;
  loaded: RunnableVersion | null;
  holders: number;
}

/**
 * Versions that several hold: a model's own allocation and every ensemble that runs them. Each is loaded once, so that the rows of all meet in
 * one batcher, and closed when its last holder has let it go.
 */
export class SharedVersions {
  readonly #load: (model: string, version: number) => Promise<RunnableVersion>;
  readonly #shared = new Map<string, Shared>();

  constructor(load: (model: string, version: number) => Promise<RunnableVersion>) {
    this.#load = load;
  }

  /** Whoever holds them. */
  get loaded(): RunnableVersion[] {
    return [...this.#shared.values()].flatMap(({ loaded }) => loaded ?? []);
  }

  /** Versions that are loaded or being loaded. */
  get size(): number {
    return this.#shared.size;
  }

  /** The caller closes what it gets. @throws what loading throws; the next call tries again then */
  async acquire(model: string, version: number): Promise<RunnableVersion> {
    const key = `${model}/${version}`;
    const shared = this.#shared.get(key) ?? this.#begin(key, model, version);
    shared.holders++;
    try {
      const target = await shared.loading;
      return new HeldVersion(target, () => this.#release(key, shared, target));
    } catch (error) {
      shared.holders--;
      throw error;
    }
  }

  #begin(key: string, model: string, version: number): Shared {
    const shared: Shared = { loading: this.#load(model, version), loaded: null, holders: 0 };
    this.#shared.set(key, shared);
    shared.loading.then(
      (target) => {
        shared.loaded = target;
      },
      () => {
        this.#shared.delete(key);
      },
    );
    return shared;
  }

  async #release(key: string, shared: Shared, target: RunnableVersion): Promise<void> {
    shared.holders--;
    if (shared.holders > 0) return;
    this.#shared.delete(key);
    await target.close();
  }
}

/** One holder's view of a shared version: closing it drains and lets go what this holder has given. */
class HeldVersion implements RunnableVersion {
  readonly version: number;
  readonly digest: string;
  readonly platform: string;
  readonly signature: RunnableVersion['signature'];
  readonly session: RunnableVersion['session'];
  readonly ensemble: RunnableVersion['ensemble'];
  readonly #target: RunnableVersion;
  readonly #release: () => Promise<void>;
  readonly #running = new Set<Promise<unknown>>();
  #closing: Promise<void> | null = null;

  constructor(target: RunnableVersion, release: () => Promise<void>) {
    this.version = target.version;
    this.digest = target.digest;
    this.platform = target.platform;
    this.signature = target.signature;
    this.session = target.session;
    this.ensemble = target.ensemble;
    this.#target = target;
    this.#release = release;
  }

  get queuedRows(): number {
    return this.#target.queuedRows;
  }

  async run(inputs: readonly Tensor[], deadline: number, asked?: TensorAsked): Promise<TensorAnswer> {
    if (this.#closing !== null) {
      const what = `Model '${this.signature.model}' version ${this.version}`;
      throw new MillraceError('MODEL_NOT_READY', `${what} takes no more requests: it was replaced. Try again.`);
    }
    const running = this.#target.run(inputs, deadline, asked);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  close(): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#running).then(() => this.#release());
    return this.#closing;
  }
}
