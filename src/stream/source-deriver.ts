import { isMillraceError, MillraceError } from '../core/millrace-error.ts';
import { parseDuration } from '../core/duration.ts';
import { attachedSource, type Derivation } from '../define/derivation.ts';
import type { Source } from '../define/source.ts';
import type { EventProducer, KafkaClient } from '../infra/kafka.ts';
import type { Names } from '../contracts/names.ts';
import type { Logger } from '../infra/logger.ts';
import type { Postgres } from '../infra/postgres.ts';
import { ValueAttacher, type DerivedPayload } from '../store/derived/attach-values.ts';
import {
  advanceDerivePositions,
  readDerivePositions,
  type DerivePositions,
} from '../store/derived/derive-positions.ts';
import { LogWait } from '../store/derived/log-wait.ts';
import { readOriginals, type Originals } from '../store/derived/read-originals.ts';
import { readIngestPositions } from '../store/ingest-positions.ts';
import type { Failpoints } from './failpoints.ts';
import { eventMessage } from './replayer.ts';
import type { StreamMetrics } from './stream-metrics.ts';

export interface DeriveDeps {
  readonly kafka: KafkaClient;
  readonly postgres: Postgres;
  readonly names: Names;
  readonly logger: Logger;
  readonly metrics: StreamMetrics;
  readonly failpoints?: Failpoints;
}

/** Events of one batch over all partitions: bounds memory, and how long one look into the logs takes. */
export const DERIVE_BATCH_EVENTS_MAX = 1_000;

/**
 * Derives the events of one source, batch by batch.
 *
 * Why each original has exactly one derived event, with what was known at its known time:
 *
 * 1. The log of the original source is read from where Postgres says, in the order of offsets; the position moves once
 *    Kafka has the derived events for good. A crash in between, or a second deriver, sends events again.
 * 2. One that is sent again has the id and the known time of the first. Ingest drops it whenever it comes: the distance
 *    in known time is 0. Two originals of one id are further apart than the window that both sources share, so
 *    neither is taken for the other. What was sent first stays, and is what everyone reads.
 * 3. Before an event is derived, the logs of what is attached have all that Kafka had after the event was in its own log:
 *    so everything whose broker's time is at or before it.
 */
export class SourceDeriver {
  readonly source: Source;
  readonly #derivation: Derivation;
  readonly #attacher: ValueAttacher;
  readonly #deps: DeriveDeps;
  readonly #producer: EventProducer;
  readonly #topic: string;
  readonly #waitMs: number;
  /** What Postgres has, while this is the only deriver. */
  #positions: DerivePositions | undefined;
  /** Where the log ended when the wait that is over began: what lies before can be derived. */
  #ready: DerivePositions = new Map();
  /** The wait that is over. */
  #waited: LogWait | undefined;
  #wait: { readonly ends: DerivePositions; readonly log: LogWait } | undefined;

  constructor(source: Source, derivation: Derivation, producer: EventProducer, deps: DeriveDeps) {
    this.source = source;
    this.#derivation = derivation;
    this.#attacher = new ValueAttacher(derivation);
    this.#producer = producer;
    this.#deps = deps;
    this.#topic = deps.names.sourceTopic(source.name);
    this.#waitMs = parseDuration(derivation.waitMax) ?? 0;
  }

  /**
   * Derives one batch.
   * @returns whether there was anything to read
   * @throws MillraceError STREAM_DERIVE_BEHIND, STREAM_NOT_APPLIED, STORE_UNAVAILABLE, STREAM_UNAVAILABLE
   */
  async step(signal: AbortSignal): Promise<boolean> {
    const { postgres, metrics, failpoints } = this.#deps;
    try {
      const positions = (this.#positions ??= await this.#readPositions());
      const waiting = await this.#waitingPartitions(positions, signal);
      if (waiting.size === 0) return false;
      const start = performance.now();
      const { from } = this.#derivation;
      const originals = await readOriginals(
        postgres,
        from,
        this.#attacher.plan.fields,
        waiting,
        this.#ready,
        DERIVE_BATCH_EVENTS_MAX,
      );
      if (originals.next.size === 0) return false;
      if (originals.events.length > 0) {
        const payloads = await this.#attacher.attach(postgres, originals.events);
        if ((await this.#waited?.isStillThere()) === false) {
          this.#ready = new Map();
          return true;
        }
        await this.#send(originals, payloads);
        await failpoints?.afterDerivedSent?.();
      }
      await this.#advance(positions, originals);
      await failpoints?.afterDerivedCounted?.();
      metrics.derived.inc({ source: this.source.name }, originals.events.length);
      metrics.deriveSeconds.observe({ source: this.source.name }, (performance.now() - start) / 1_000);
      return true;
    } catch (error) {
      // The batch may be counted or not: Postgres says it. It may also have lost what had been waited for.
      this.#positions = undefined;
      this.#ready = new Map();
      throw error;
    }
  }

  /** Ends what it waits for. */
  stop(): void {
    this.#wait?.log.stop();
  }

  async #readPositions(): Promise<DerivePositions> {
    const positions = await readDerivePositions(this.#deps.postgres, this.source.name);
    if (positions.size > 0) return positions;
    throw new MillraceError(
      'STREAM_NOT_APPLIED',
      `Source '${this.source.name}' has no positions in source '${this.#derivation.from.name}'. Run 'millrace apply' first.`,
    );
  }

  /**
   * Partitions with events that can be derived. One wait for the logs of what is attached serves all events that were in
   * the log when it began, so a deriver that lags behind waits once for many batches.
   */
  async #waitingPartitions(positions: DerivePositions, signal: AbortSignal): Promise<DerivePositions> {
    const ready = beyond(positions, this.#ready);
    if (ready.size > 0) return ready;
    if (this.#wait === undefined) {
      // First the events, then the wait: it has to cover what was known at the newest of them.
      const stored = await readIngestPositions(this.#deps.postgres, this.#derivation.from.name);
      const ends = new Map(stored.map(({ partition, nextOffset }) => [partition, nextOffset]));
      if (beyond(positions, ends).size === 0) return ready;
      const sources = [...new Set(Object.values(this.#derivation.attach).map(attachedSource))];
      this.#wait = { ends, log: new LogWait(this.#deps, sources, signal) };
    }
    const { ends, log } = this.#wait;
    try {
      await this.#awaitAttached(log);
    } catch (error) {
      // A wait that goes on is for what the topics had when it began: they may grow faster than their logs.
      if (!isMillraceError(error) || error.code !== 'STREAM_DERIVE_BEHIND') this.#wait = undefined;
      throw error;
    }
    log.stop();
    this.#wait = undefined;
    this.#waited = log;
    this.#ready = ends;
    return beyond(positions, ends);
  }

  async #awaitAttached(wait: LogWait): Promise<void> {
    const { metrics, logger } = this.#deps;
    const behind = await wait.behindAfter(this.#waitMs);
    if (behind.length === 0) return;
    const { waitMax, onBehind: outcome } = this.#derivation;
    metrics.deriveBehind.inc({ source: this.source.name, outcome });
    if (outcome === 'hold') {
      throw new MillraceError(
        'STREAM_DERIVE_BEHIND',
        `Source '${this.source.name}' waits: the log of ${behind.join(', ')} does not have all that Kafka has after ${waitMax}. Its events stay where they are until it has. Check that the stream worker runs ('millrace status'), or define it with onBehind: 'attach'.`,
      );
    }
    logger.warn(
      { source: this.source.name, behind, waitMax },
      'events go on with what the logs have of what is attached',
    );
  }

  async #send({ events }: Originals, payloads: readonly DerivedPayload[]): Promise<void> {
    await this.#producer.send(
      events.map(({ knownTime }, i) => {
        const payload = payloads[i]!;
        const id = payload[this.source.id] as string;
        return eventMessage(this.source, this.#topic, id, JSON.stringify(payload), knownTime);
      }),
    );
  }

  async #advance(positions: DerivePositions, { events, next }: Originals): Promise<void> {
    const advances = [...next].map(([partition, nextOffset]) => ({
      partition,
      expectedOffset: positions.get(partition) ?? 0,
      nextOffset,
      derived: events.filter((event) => event.partition === partition).length,
    }));
    const moved = await advanceDerivePositions(this.#deps.postgres, this.source.name, advances);
    if (moved.length < advances.length) {
      this.#deps.logger.warn(
        { source: this.source.name },
        'someone else derives this source: reading the positions again',
      );
      this.#positions = undefined;
    } else this.#positions = new Map([...positions, ...next]);
  }
}

/** Of the positions those that lie before the ends; one may lie behind, where a crash took rows back. */
const beyond = (positions: DerivePositions, ends: DerivePositions): Map<number, number> =>
  new Map([...positions].filter(([partition, position]) => (ends.get(partition) ?? 0) > position));
