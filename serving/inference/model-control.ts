import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { shorten, shortList } from '../../src/core/shorten.ts';
import type { Logger } from '../../src/infra/logger.ts';
import type { DataPlane } from '../data-plane.ts';
import type { ControlAction } from '../peers.ts';
import type { ModelRouter } from '../router/model-router.ts';
import type { TensorModels } from '../tensors/tensor-models.ts';

export interface ModelControlOptions {
  readonly dataPlane: DataPlane;
  readonly tensorModels: Pick<TensorModels, 'find'>;
  /** A load is waited for so long; it goes on behind. */
  readonly loadWaitMs: number;
  /** Where several processes share a port: has the others do the same. */
  readonly tellOthers?: (action: ControlAction, model: string) => Promise<void>;
  readonly logger: Logger;
}

type ControlledRouter = Pick<ModelRouter, 'load' | 'unload' | 'status'>;

/** Clients of Triton send it with every unload. It changes nothing: an ensemble holds what it runs itself. */
const UNLOAD_PARAMETERS = ['unload_dependents'];

/**
 * Load and unload of the model repository extension. What is allocated is the registry's to say and stays so: an operator takes
 * a model out of this one process, or group of processes on one port, and brings it back. What starts again has all its models.
 */
export class ModelControl {
  readonly #options: ModelControlOptions;

  constructor(options: ModelControlOptions) {
    this.#options = options;
  }

  /**
   * Resolves when all versions that are allocated are loaded. The other processes of a group load it whatever comes of it in this one.
   * @param parameters names of those that were sent
   * @throws MODEL_NOT_FOUND, REQUEST_INVALID, SERVING_VERSION_REJECTED, MODEL_NOT_READY (it is still loading)
   */
  async load(name: string, parameters: readonly string[]): Promise<void> {
    const { router } = this.#model(name, parameters, []);
    const [own] = await Promise.allSettled([this.#load(name, router)]);
    const [others] = await Promise.allSettled([this.#options.tellOthers?.('load', name)]);
    // As a rule they fail for the same reason, which this process knows at first hand.
    for (const outcome of [own, others]) if (outcome.status === 'rejected') throw outcome.reason;
  }

  /**
   * Resolves when its versions have answered what they took and are closed.
   * @param parameters names of those that were sent
   * @throws MODEL_NOT_FOUND, REQUEST_INVALID
   */
  async unload(name: string, parameters: readonly string[]): Promise<void> {
    await this.#unload(name, parameters);
    await this.#options.tellOthers?.('unload', name);
  }

  /** What another process of the group was asked for. */
  follow(action: ControlAction, name: string): Promise<void> {
    return action === 'load' ? this.#load(name, this.#model(name, [], []).router) : this.#unload(name, []);
  }

  async #load(name: string, router: ControlledRouter): Promise<void> {
    const { loadWaitMs, logger } = this.#options;
    logger.info({ model: name }, 'an operator loads a model');
    const waiting = new AbortController();
    const isLate = await Promise.race([
      router.load().then(() => false),
      sleep(loadWaitMs, true, { signal: waiting.signal, ref: false }).catch(() => true),
    ]);
    waiting.abort();
    if (isLate) {
      throw new MillraceError('MODEL_NOT_READY', `Model '${name}' is not loaded after ${loadWaitMs} ms, and goes on loading. The repository index tells how far it is.`);
    }
    const rejected = router.status.rejected.map(({ version, reason }) => `version ${version}: ${reason}`);
    if (rejected.length > 0) {
      throw new MillraceError('SERVING_VERSION_REJECTED', `Loading of model '${name}' was refused, ${rejected.join('; ')}`);
    }
  }

  async #unload(name: string, parameters: readonly string[]): Promise<void> {
    const { router } = this.#model(name, parameters, UNLOAD_PARAMETERS);
    this.#options.logger.info({ model: name }, 'an operator unloads a model');
    await router.unload();
  }

  #model(name: string, parameters: readonly string[], known: readonly string[]): { readonly router: ControlledRouter } {
    const unknown = parameters.filter((parameter) => !known.includes(parameter));
    const { dataPlane, tensorModels } = this.#options;
    if (unknown.length === 0) return dataPlane.models.find((model) => model.name === name) ?? tensorModels.find(name) ?? dataPlane.model(name);
    throw new MillraceError(
      'REQUEST_INVALID',
      `Model '${shorten(name)}': expected no parameters, found ${shortList(unknown)}. Its versions and their files are the registry's: promote one there.`,
    );
  }
}
