import { readFile, stat } from 'node:fs/promises';
import type { GoldenBatch } from '../../src/contracts/model-bundle.ts';
import type { GoldenTensors } from '../../src/contracts/tensor-signature.ts';
import type { Logger } from '../../src/infra/logger.ts';
import { checkGoldenBatch } from './check-golden-batch.ts';
import { checkGoldenTensors } from './check-golden-tensors.ts';
import { ChildSession } from './child-session.ts';
import { InProcessSession } from './in-process-session.ts';
import { inspectOnnx } from '../../src/registry/inspect-onnx.ts';
import { openOnnxSession } from './open-onnx-session.ts';
import { SessionGroup } from './session-group.ts';
import type { SessionProcessLimits } from './session-process.ts';
import type { Runtimes, Session, SessionSource, TensorSource } from './session.ts';

export const placementPolicies = ['auto', 'child', 'in-process'] as const;
export type PlacementPolicy = (typeof placementPolicies)[number];

/**
 * ONNX Runtime does not give all memory of a released session back (5-10 MB of a 122 MB model), and
 * only the end of a process does. So sessions in the serving process are for small models, and so
 * many of them in the life of the process: together they can leak about 64 MB.
 */
const IN_PROCESS_MODEL_BYTES_MAX = 8 * 1024 * 1024;
const IN_PROCESS_SESSIONS_MAX = 64;
/**
 * ONNX Runtime runs a batch that is handed to it in the next turn of the event loop, and a turn may read hundreds of requests.
 * So as many full batches are handed over at one time, in the serving process, as take so long together.
 */
const BATCHES_PER_TURN_MS_MAX = 2;
const BATCHES_PER_TURN_MAX = 64;
/** A version that moves into the serving process takes so long, or so many batches, to find that. */
const BATCHES_TIMED_MS = 10;
const BATCHES_TIMED_MAX = 128;
/** Full batches of a warm-up: the first ones are slow, the median counts. */
const WARM_UP_BATCHES = 9;

export interface SessionHostOptions extends SessionProcessLimits, Runtimes {
  readonly placement: PlacementPolicy;
  readonly logger: Logger;
  readonly onRestart?: (label: string) => void;
}

export interface SessionRequest {
  /** Model and version, for logs. */
  readonly label: string;
  readonly role: SessionSource['role'];
  readonly path: string;
  readonly sha256: string;
  readonly columns: number;
  readonly tensors?: SessionSource['tensors'];
  readonly batchRowsMax: number;
  readonly golden: GoldenBatch;
  /** Sessions that are wanted; one, where absent. */
  readonly instances?: number;
  /** Threads of each; one, where absent. */
  readonly threads?: number;
}

export interface TensorSessionRequest extends Omit<TensorSource, keyof Runtimes> {
  /** Model and version, for logs. */
  readonly label: string;
  readonly golden: GoldenTensors;
}

/** A session over a graph's own tensors that passed its checks. It always has a process of its own. */
export interface WarmTensorSession {
  readonly session: ChildSession;
  /** Time of one run of the golden batch, the last of several; null where there is none. */
  readonly runMs: number | null;
}

/** A session that passed its checks and is warm. */
export interface WarmSession {
  readonly session: Session;
  /** Sessions that it is of. */
  readonly instances: number;
  /** Batches that it takes at one time. */
  readonly batchesAtOnce: number;
  /** Median time of a full batch inside ONNX Runtime. */
  readonly batchMs: number;
  /** Median time of the way to the child process and back. */
  readonly handOverMs: number;
  readonly goldenDifference: number;
}

/** Opens, verifies, warms and places sessions. */
export class SessionHost {
  readonly #options: SessionHostOptions;
  #inProcessOpened = 0;

  constructor(options: SessionHostOptions) {
    this.#options = options;
  }

  /**
   * Every model opens in a child first, so that one that crashes or hangs harms nobody, and moves into
   * the serving process only where its full batch takes less time than the hand-over. Several sessions stay in children:
   * in one process they would wait for each other.
   * @throws SERVING_VERSION_REJECTED, SERVING_SESSION_LOST, SERVING_SESSION_FAILED
   */
  async load(request: SessionRequest): Promise<WarmSession> {
    const { logger } = this.#options;
    const source: SessionSource = { ...request, ...this.#runtimes };
    const child = await this.#openChild(source, request);
    try {
      const goldenDifference = await checkGoldenBatch(request.golden, request.columns, request.batchRowsMax, (rows) =>
        child.run(rows),
      );
      const times = await warmUp(child, request.batchRowsMax * request.columns);
      const isAdmitted = await this.#admits(request, times);
      const instances = isAdmitted ? 1 : (request.instances ?? 1);
      const session = isAdmitted ? await this.#moveIn(source, request, child) : await this.#joinOthers(source, request, child, instances);
      const { placement, provider } = session;
      const batchesAtOnce = isAdmitted ? await batchesPerTurn(session, request) : instances;
      const measured = { instances, batchesAtOnce, ...times, goldenDifference };
      logger.info({ version: request.label, placement, provider, ...measured }, 'session warm');
      return { session, ...measured };
    } catch (error) {
      await child.close();
      throw error;
    }
  }

  /** @throws SERVING_VERSION_REJECTED, SERVING_SESSION_LOST, SERVING_SESSION_FAILED */
  async loadTensors({ label, golden, ...request }: TensorSessionRequest): Promise<WarmTensorSession> {
    const { logger } = this.#options;
    const session = await this.#openChild({ ...request, ...this.#runtimes }, { label });
    try {
      const runMs = await checkGoldenTensors(golden, (inputs) => session.runTensors(inputs));
      logger.info({ version: label, placement: session.placement, provider: session.provider, runMs }, 'session warm');
      return { session, runMs };
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  get #runtimes(): Runtimes {
    const { providers, tensorflowBackends, tensorflowAddon } = this.#options;
    return { providers, tensorflowBackends, tensorflowAddon };
  }

  async #admits(request: SessionRequest, times: { batchMs: number; handOverMs: number }): Promise<boolean> {
    // TensorFlow.js has one backend for a whole process, and its native ones may take a process down.
    if (request.role !== 'model.onnx') return false;
    if (this.#options.placement !== 'auto') return this.#options.placement === 'in-process';
    if ((request.instances ?? 1) > 1) return false;
    if (times.batchMs >= times.handOverMs || this.#inProcessOpened >= IN_PROCESS_SESSIONS_MAX) return false;
    if ((await stat(request.path)).size > IN_PROCESS_MODEL_BYTES_MAX) return false;
    // A loop that a row makes long would hold up everything, and nothing could end it.
    return !inspectOnnx(await readFile(request.path)).hasLoop;
  }

  /** Opens the rest of the sessions, one after the other: each takes a core while it opens. */
  async #joinOthers(source: SessionSource, request: SessionRequest, first: ChildSession, instances: number): Promise<Session> {
    if (instances === 1) return first;
    const sessions: [ChildSession, ...ChildSession[]] = [first];
    try {
      while (sessions.length < instances) {
        const another = await this.#openChild(source, request);
        sessions.push(another);
        await another.run(new Float32Array(request.batchRowsMax * request.columns));
      }
    } catch (error) {
      await Promise.all(sessions.slice(1).map((session) => session.close()));
      throw error;
    }
    return new SessionGroup(sessions);
  }

  #openChild(source: SessionSource | TensorSource, { label }: { readonly label: string }): Promise<ChildSession> {
    const { onRestart } = this.#options;
    return ChildSession.open({ ...this.#options, source, onRestart: () => onRestart?.(label) });
  }

  async #moveIn(source: SessionSource, request: SessionRequest, child: ChildSession): Promise<Session> {
    this.#inProcessOpened++;
    const session = new InProcessSession(await openOnnxSession({ ...source, providers: source.providers.filter((provider) => provider === child.provider) }));
    await session.run(new Float32Array(request.batchRowsMax * request.columns), request.batchRowsMax);
    await child.close();
    return session;
  }
}

/** The warm-up's times are those of code that is cold still: of small batches several times what they take later. */
async function batchesPerTurn(session: Session, { batchRowsMax, columns }: SessionRequest): Promise<number> {
  const features = new Float32Array(batchRowsMax * columns);
  const batchMs: number[] = [];
  const endsAt = performance.now() + BATCHES_TIMED_MS;
  do {
    const startedAt = performance.now();
    await session.run(features, batchRowsMax);
    batchMs.push(performance.now() - startedAt);
  } while (batchMs.length < BATCHES_TIMED_MAX && performance.now() < endsAt);
  const hotMs = median(batchMs.slice(Math.floor(batchMs.length / 2)));
  return Math.min(BATCHES_PER_TURN_MAX, Math.max(1, Math.floor(BATCHES_PER_TURN_MS_MAX / hotMs)));
}

async function warmUp(child: ChildSession, values: number): Promise<{ batchMs: number; handOverMs: number }> {
  const features = new Float32Array(values);
  const batchMs: number[] = [];
  const handOverMs: number[] = [];
  for (let i = 0; i < WARM_UP_BATCHES; i++) {
    const startedAt = performance.now();
    const { computeMs } = await child.runTimed(features);
    batchMs.push(computeMs);
    handOverMs.push(Math.max(0, performance.now() - startedAt - computeMs));
  }
  return { batchMs: median(batchMs), handOverMs: median(handOverMs) };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
