import type { Decision } from '../../src/contracts/decision.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { refusesMessages } from '../../src/infra/kafka-error.ts';
import type { Logger } from '../../src/infra/logger.ts';
import type { TraceContext } from '../../src/infra/trace-context.ts';
import { inSpan, startBatchSpan, type Tracer } from '../../src/infra/tracing.ts';
import { decodeDecision, encodeDecision, type DecisionKind, type DecisionValues } from '../../src/store/decision-frame.ts';
import { DecisionMemory, type KeptDecision } from './decision-memory.ts';
import type { DecisionSender } from './decision-sender.ts';
import { RecentDecisions } from './recent-decisions.ts';

/** A decision that waits for Kafka. */
interface WaitingDecision extends KeptDecision {
  /** The request's place in its trace, where it is recorded. */
  readonly cause: TraceContext | undefined;
}

/** What happens to a prediction whose decision cannot be kept: it is refused, or answered and counted. */
export type WhenFull = 'refuse' | 'count';

export interface DecisionLogOptions {
  readonly openSender: () => Promise<DecisionSender>;
  /** Decisions that may wait for the broker. */
  readonly waitingMax: number;
  /** Decisions that stay readable in memory. */
  readonly recentMax: number;
  readonly whenFull: WhenFull;
  readonly onStored: (count: number) => void;
  readonly onDropped: (count: number) => void;
  readonly logger: Logger;
  /** Absent where tracing is off. */
  readonly tracer?: Tracer | undefined;
}

const SEND_MAX = 500;
/** Of one batch; half of what a broker takes by default. */
const SEND_BYTES_MAX = 512 * 1024;
/** Gathers a batch; an order of magnitude below what a reader of decisions would notice. */
const LINGER_MS = 5;
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 5_000;

/**
 * The bounded way from a prediction to the decision topic. A place is reserved before the answer, so
 * that with `refuse` nothing is answered that could not be kept; nothing is dropped without being counted.
 */
export class DecisionLog {
  readonly #options: DecisionLogOptions;
  /** Decisions are bytes, made once: a tree of objects that waits is copied by every small garbage collection. */
  readonly #memory = new DecisionMemory();
  readonly #waiting: WaitingDecision[] = [];
  readonly #recent: RecentDecisions;
  #reserved = 0;
  #dropped = 0;
  #retryMs = RETRY_MS_MIN;
  #sendMax = SEND_MAX;
  #sender: DecisionSender | null = null;
  #pumping: Promise<void> | null = null;
  #draining = false;
  #wake: () => void = () => undefined;

  constructor(options: DecisionLogOptions) {
    this.#options = options;
    this.#recent = new RecentDecisions(this.#memory, options.recentMax);
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** @throws SERVING_DECISION_LOG_FULL with the setting `refuse`. */
  reserve(count: number): void {
    const { waitingMax, whenFull } = this.#options;
    if (whenFull === 'refuse' && this.#waiting.length + this.#reserved + count > waitingMax) {
      throw new MillraceError(
        'SERVING_DECISION_LOG_FULL',
        `Prediction was refused: ${this.#waiting.length} decisions wait for Kafka and at most ${waitingMax} may. ` +
          `Restore Kafka, or set MILLRACE_SERVING_WHEN_DECISIONS_FULL=count to answer without them.`,
      );
    }
    this.#reserved += count;
  }

  /** Gives back places of predictions that failed. */
  release(count: number): void {
    this.#reserved -= count;
  }

  /** Makes a decision readable at once, before it is final. */
  remember(kind: DecisionKind, values: DecisionValues): void {
    this.#recent.add(this.#encode(kind, values, undefined));
  }

  recent(id: string): Decision | undefined {
    return this.#recent.find(id);
  }

  /** Takes the final decision into the place that was reserved for it; it is readable from then on. */
  commit(kind: DecisionKind, values: DecisionValues, cause?: TraceContext): void {
    const decision = this.#encode(kind, values, cause);
    this.#recent.add(decision);
    this.#reserved--;
    if (this.#waiting.length >= this.#options.waitingMax) {
      if (this.#dropped++ === 0) this.#options.logger.error('decisions are dropped: Kafka takes none and the buffer is full');
      this.#options.onDropped(1);
      return;
    }
    this.#memory.hold(decision.chunk);
    this.#waiting.push(decision);
    this.#pumping ??= this.#pump().finally(() => {
      this.#pumping = null;
    });
  }

  /**
   * Sends what waits, for at most `timeoutMs`, and closes.
   * @returns decisions that could not be sent: they are counted as dropped.
   */
  async drain(timeoutMs: number): Promise<number> {
    this.#draining = true;
    this.#wake();
    let limit: NodeJS.Timeout | undefined;
    const timedOut = new Promise<void>((resolve) => (limit = setTimeout(resolve, timeoutMs)));
    await Promise.race([this.#pumping, timedOut]);
    clearTimeout(limit);
    const lost = this.#waiting.length;
    this.#forget(lost);
    if (lost > 0) {
      this.#options.onDropped(lost);
      this.#options.logger.error({ lost }, 'decisions were not stored before the process ended');
    }
    await this.#sender?.close().catch(() => undefined);
    return lost;
  }

  #encode(kind: DecisionKind, values: DecisionValues, cause: TraceContext | undefined): WaitingDecision {
    const chunk = this.#memory.current;
    const { memory, start, end } = encodeDecision(chunk.writer, kind, values);
    return { kind, memory, start, end, chunk, cause };
  }

  /** The oldest of those that wait do so no more. */
  #forget(count: number): void {
    for (const { chunk } of this.#waiting.splice(0, count)) this.#memory.release(chunk);
  }

  async #pump(): Promise<void> {
    await this.#pause(LINGER_MS);
    while (this.#waiting.length > 0) {
      const batch = nextBatch(this.#waiting, this.#sendMax);
      try {
        this.#sender ??= await this.#options.openSender();
        await this.#send(this.#sender, batch);
        this.#stored(batch.length);
      } catch (error) {
        await this.#refused(error, batch.length);
      }
      if (this.#waiting.length > 0 && this.#waiting.length < SEND_MAX) await this.#pause(LINGER_MS);
    }
  }

  #send(sender: DecisionSender, batch: readonly WaitingDecision[]): Promise<void> {
    const { tracer } = this.#options;
    if (tracer === undefined) return sender.send(batch);
    const attributes = { 'messaging.system': 'kafka', 'messaging.batch.message_count': batch.length };
    const span = startBatchSpan(tracer, 'send decisions', batch.flatMap(({ cause }) => cause ?? []), { kind: 'producer', attributes });
    return inSpan(span, () => sender.send(batch));
  }

  #stored(count: number): void {
    this.#forget(count);
    this.#options.onStored(count);
    this.#retryMs = RETRY_MS_MIN;
    this.#sendMax = SEND_MAX;
    if (this.#dropped > 0) this.#options.logger.error({ dropped: this.#dropped }, 'decisions were dropped while Kafka took none');
    this.#dropped = 0;
  }

  /**
   * What Kafka will never take must not hold up the rest: smaller batches find it, and it is dropped and counted. All else passes, also what takes
   * somebody to mend it, such as a topic that may not be written: decisions wait, until no more predictions are answered.
   */
  async #refused(error: unknown, count: number): Promise<void> {
    const { logger, onDropped } = this.#options;
    const final = refusesMessages(error);
    if (final && count > 1) {
      this.#sendMax = Math.ceil(count / 2);
      return;
    }
    if (final) {
      const [refused] = this.#waiting;
      logger.error({ err: error, decision: refused && decodeDecision(refused).id }, 'Kafka refuses a decision: it is dropped');
      this.#forget(1);
      onDropped(1);
      return;
    }
    logger.warn({ err: error, waiting: this.#waiting.length }, 'decisions wait for Kafka');
    await this.#pause(this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS_MAX);
  }

  /** Waits, shorter while the process drains. */
  async #pause(ms: number): Promise<void> {
    if (this.#draining) ms = Math.min(ms, RETRY_MS_MIN);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** The oldest decisions that fit one message, at least one. */
function nextBatch(waiting: readonly WaitingDecision[], countMax: number): WaitingDecision[] {
  let count = 0;
  let size = 0;
  for (const { start, end } of waiting) {
    size += end - start;
    if (count === countMax || (count > 0 && size > SEND_BYTES_MAX)) break;
    count++;
  }
  return waiting.slice(0, count);
}
