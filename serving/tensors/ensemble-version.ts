import { membersOf, runEnsemble, type Ensemble, type EnsembleStep } from '../../src/contracts/ensemble.ts';
import { platforms } from '../../src/contracts/model-bundle.ts';
import type { Tensor } from '../../src/contracts/tensor.ts';
import type { TensorSignature } from '../../src/contracts/tensor-signature.ts';
import { isMillraceError, MillraceError } from '../../src/core/millrace-error.ts';
import type { TensorBundle } from '../../src/registry/bundle.ts';
import { parseEnsemble } from '../../src/registry/parse-ensemble.ts';
import { BusyTime } from '../batcher/busy-time.ts';
import type { Timers } from '../batcher/timers.ts';
import { checkGoldenTensors } from '../session-host/check-golden-tensors.ts';
import type { RunnableVersion, TensorAsked } from './runnable-version.ts';
import type { TensorAnswer } from './tensor-batcher.ts';

/** Time of one run of the golden batch through all steps. */
const GOLDEN_TIMEOUT_MS = 60_000;

/** A version of which each part is a version of its own: it runs on their sessions, in their batches. */
export class EnsembleVersion implements RunnableVersion {
  readonly version: number;
  readonly digest: string;
  readonly platform = platforms['ensemble.json'];
  readonly signature: TensorSignature;
  readonly session = { placement: 'members', provider: 'ensemble' } as const;
  readonly ensemble: Ensemble;
  readonly #members: ReadonlyMap<string, RunnableVersion>;
  readonly #timers: Pick<Timers, 'now'>;

  /** @param members by their digests; closed with it */
  constructor({ version, digest, signature, ...bundle }: TensorBundle, members: ReadonlyMap<string, RunnableVersion>, timers: Pick<Timers, 'now'>) {
    this.version = version;
    this.digest = digest;
    this.signature = signature;
    this.ensemble = parseEnsemble({ version, ...bundle });
    this.#members = members;
    this.#timers = timers;
  }

  /** Nothing waits here: rows wait in the queues of the members. */
  get queuedRows(): number {
    return 0;
  }

  /**
   * Steps that run side by side count as computing once, and what is left of the time as waiting.
   * @throws what a step fails with, named; MODEL_NOT_READY, SERVING_OVERLOADED, SERVING_DEADLINE_EXCEEDED, SERVING_CANCELLED, SERVING_SESSION_*
   */
  async run(inputs: readonly Tensor[], deadline: number, asked?: TensorAsked): Promise<TensorAnswer> {
    const timers = this.#timers;
    const startedAt = timers.now();
    const busy = new BusyTime();
    const outputs = await runEnsemble(this.ensemble, inputs, this.signature.outputs, async (step, taken) => {
      const answer = await this.#runStep(step, taken, deadline, asked);
      const endedAt = timers.now();
      busy.add(endedAt - answer.computeMs, endedAt);
      return answer.outputs;
    });
    const computeMs = busy.total;
    return { outputs, queueMs: Math.max(0, timers.now() - startedAt - computeMs), computeMs };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#members.values()].map((member) => member.close()));
  }

  async #runStep(step: EnsembleStep, taken: readonly Tensor[], deadline: number, asked: TensorAsked | undefined): Promise<TensorAnswer> {
    const span = asked?.trace?.start('step', { 'millrace.step': step.name, 'millrace.model': step.model, 'millrace.version': step.version });
    try {
      return await (this.#members.get(step.digest) as RunnableVersion).run(taken, deadline, asked);
    } catch (error) {
      span?.fail(error);
      if (!isMillraceError(error)) throw error;
      const what = `Step '${step.name}' of model '${this.signature.model}' version ${this.version}`;
      throw new MillraceError(error.code, `${what}: ${error.message}`, { cause: error, details: error.details });
    } finally {
      span?.end();
    }
  }
}

/**
 * Loads what an ensemble runs, and holds the whole against its golden batch.
 * @param acquire loads a version, or shares the one that is loaded
 * @throws SERVING_VERSION_REJECTED, what loading a member throws
 */
export async function loadEnsembleVersion(
  bundle: TensorBundle,
  acquire: (step: EnsembleStep) => Promise<RunnableVersion>,
  timers: Timers,
): Promise<EnsembleVersion> {
  const members = new Map<string, RunnableVersion>();
  try {
    for (const step of membersOf(parseEnsemble(bundle))) members.set(step.digest, await acquireMember(bundle, step, acquire));
    const ensemble = new EnsembleVersion(bundle, members, timers);
    await checkGoldenTensors(bundle.goldenBatch, (inputs) => ensemble.run(inputs, timers.now() + GOLDEN_TIMEOUT_MS));
    return ensemble;
  } catch (error) {
    await Promise.all([...members.values()].map((member) => member.close()));
    throw error;
  }
}

async function acquireMember({ model, version }: TensorBundle, step: EnsembleStep, acquire: (step: EnsembleStep) => Promise<RunnableVersion>): Promise<RunnableVersion> {
  const member = await acquire(step);
  if (member.digest === step.digest) return member;
  await member.close();
  throw new MillraceError(
    'SERVING_VERSION_REJECTED',
    `Model '${model}' version ${version} was refused: step '${step.name}' is of digest ${step.digest}, and ${step.model} version ${step.version} is ${member.digest}. Import the ensemble again.`,
  );
}
