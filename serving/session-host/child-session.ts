import type { Tensor } from '../../src/contracts/tensor.ts';
import { messageOf, MillraceError } from '../../src/core/millrace-error.ts';
import type { Logger } from '../../src/infra/logger.ts';
import { SessionProcess, type SessionProcessLimits, type TimedScores, type TimedTensors } from './session-process.ts';
import type { GroupedSession } from './session-group.ts';
import type { SessionSource, TensorSource } from './session.ts';

const RESTART_DELAY_MS_MIN = 50;
const RESTART_DELAY_MS_MAX = 10_000;
/** A process that lived this long was well: the next restart starts from the shortest delay again. */
const STABLE_AFTER_MS = 30_000;

export interface ChildSessionOptions extends SessionProcessLimits {
  readonly source: SessionSource | TensorSource;
  readonly logger: Logger;
  readonly onRestart?: () => void;
}

/**
 * A session in a process of its own, restarted with a growing delay when it crashes or hangs. Only the
 * batch in flight fails; a batch that comes meanwhile waits for the restart.
 */
export class ChildSession implements GroupedSession {
  readonly placement = 'child';
  readonly provider: string;
  readonly #options: ChildSessionOptions;
  #process: Promise<SessionProcess>;
  #delayMs = RESTART_DELAY_MS_MIN;
  #startedAt = performance.now();
  #closed = false;
  #isOpen = true;
  #cancelDelay: () => void = () => undefined;

  private constructor(options: ChildSessionOptions, first: SessionProcess) {
    this.#options = options;
    this.provider = first.provider;
    this.#process = Promise.resolve(first);
    this.#follow(first);
  }

  /** @throws SERVING_VERSION_REJECTED, SERVING_SESSION_LOST */
  static async open(options: ChildSessionOptions): Promise<ChildSession> {
    const first = await SessionProcess.open(options.source, options);
    if (first.passedOver.length > 0) {
      options.logger.warn({ passedOver: first.passedOver, provider: first.provider }, 'execution providers or backends passed over');
    }
    return new ChildSession(options, first);
  }

  /** Whether its process runs: a batch waits for it else. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  async run(features: Float32Array): Promise<Float32Array> {
    return (await this.runTimed(features)).scores;
  }

  /** Like `run`, with the time that the process itself measured. */
  async runTimed(features: Float32Array): Promise<TimedScores> {
    return (await this.#process).run(features);
  }

  /** Of a source with tensors of its own. */
  async runTensors(inputs: readonly Tensor[]): Promise<TimedTensors> {
    return (await this.#process).runTensors(inputs);
  }

  /** Process id, for logs and for tests that kill it. */
  async pid(): Promise<number | undefined> {
    return (await this.#process).pid;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelDelay();
    const last = await this.#process.catch(() => null);
    await last?.close();
  }

  #follow(running: SessionProcess): void {
    this.#startedAt = performance.now();
    void running.ended.then((why) => {
      if (this.#closed) return;
      if (performance.now() - this.#startedAt > STABLE_AFTER_MS) this.#delayMs = RESTART_DELAY_MS_MIN;
      this.#options.logger.error({ why, model: this.#options.source.path }, 'session process lost, restarting');
      this.#restart();
    });
  }

  #restart(): void {
    const delayMs = this.#delayMs;
    this.#delayMs = Math.min(delayMs * 2, RESTART_DELAY_MS_MAX);
    this.#options.onRestart?.();
    this.#isOpen = false;
    this.#process = this.#openAfter(delayMs);
    this.#process.then(
      (running) => {
        this.#isOpen = true;
        this.#follow(running);
      },
      (error: unknown) => {
        if (this.#closed) return;
        this.#options.logger.error({ err: error }, 'session process did not restart');
        this.#restart();
      },
    );
  }

  async #openAfter(delayMs: number): Promise<SessionProcess> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.#cancelDelay = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    if (this.#closed) throw new MillraceError('SERVING_SESSION_LOST', 'The session was closed while it restarted.');
    try {
      return await SessionProcess.open(this.#options.source, this.#options);
    } catch (cause) {
      throw new MillraceError('SERVING_SESSION_LOST', `The process that runs the model did not restart: ${messageOf(cause)}`, {
        cause,
      });
    }
  }
}
