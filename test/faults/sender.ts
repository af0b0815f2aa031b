import { setTimeout as sleep } from 'node:timers/promises';
import type { Names } from '../../src/contracts/names.ts';
import { partitionOf } from '../../src/fold/partition-of.ts';
import type { EventProducer, KafkaClient } from '../../src/infra/kafka.ts';
import type { SourceOffset } from '../../src/store/online-store.ts';
import { createReplayer, type Replayer } from '../../src/stream/replayer.ts';
import type { SeededRandom } from '../../src/training/seeded-random.ts';
import { EventMaker, type MadeEvent } from './event-maker.ts';
import faultsProject, { clickSource, orderSource } from './faults-project.ts';
import { SentRecord } from './sent-record.ts';

/** Bounds the rate: about 100 events a second, whatever the pipeline does. */
const TICK_MS = 100;
const ORDERS_PER_TICK = 6;
const CLICKS_PER_TICK = 4;
const DUPLICATE_SHARE = 0.1;
const BAD_SHARE = 0.15;
const REFUSED_SHARE = 0.05;
const RETRY_MS = 200;
/** A send that finds no answer for so long ends the run. */
const GIVE_UP_MS = 120_000;
const REQUEST_LIMIT_MS = 10_000;

export interface SenderDeps {
  readonly kafka: KafkaClient;
  readonly names: Names;
  readonly gatewayUrl: string;
  readonly random: SeededRandom;
}

/** Sends through every door at a bounded rate, each send again until it is acknowledged, and keeps the books. */
export class Sender {
  readonly record = new SentRecord();
  readonly #deps: SenderDeps;
  readonly #maker: EventMaker;
  readonly #replayer: Replayer;
  readonly #producer: EventProducer;
  readonly #closed = new AbortController();
  #isFlowing = false;
  #loops: Promise<unknown> = Promise.resolve();

  private constructor(deps: SenderDeps, replayer: Replayer, producer: EventProducer) {
    this.#deps = deps;
    this.#maker = new EventMaker(deps.random);
    this.#replayer = replayer;
    this.#producer = producer;
  }

  static async open(deps: SenderDeps): Promise<Sender> {
    const replayer = await createReplayer(deps.kafka, deps.names, faultsProject);
    return new Sender(deps, replayer, await deps.kafka.createProducer());
  }

  /** Lets events flow until `rest`. */
  flow(): void {
    if (this.#isFlowing) return;
    this.#isFlowing = true;
    const loop = async (send: () => Promise<void>): Promise<void> => {
      while (this.#isFlowing) await Promise.all([send(), sleep(TICK_MS)]);
    };
    this.#loops = Promise.all([
      loop(() => this.#sendOrders()),
      loop(() => this.#sendClicks()),
      loop(() => this.#sendOdd()),
    ]);
    // Whoever rests hears of it.
    this.#loops.catch(() => undefined);
  }

  /** Resolves when nothing is on the way any more: everything sent is acknowledged. */
  async rest(): Promise<void> {
    this.#isFlowing = false;
    await this.#loops;
  }

  /** One fresh event for each partition of each source. @returns their offsets, once Kafka has them */
  async probe(): Promise<SourceOffset[]> {
    const events: MadeEvent[] = [];
    for (const { source, make } of [
      { source: orderSource, make: () => this.#maker.order() },
      { source: clickSource, make: () => this.#maker.click(Date.now()) },
    ]) {
      const missing = new Set(Array.from({ length: source.partitions }, (_, partition) => partition));
      while (missing.size > 0) {
        const event = make();
        if (missing.delete(partitionOf(event.id, source.partitions))) events.push(event);
      }
    }
    return this.#replay(events);
  }

  /** Gives up what is not answered. */
  async close(): Promise<void> {
    this.#closed.abort(new Error('the sender was closed'));
    await this.rest().catch(() => undefined);
    await this.#replayer.close();
    await this.#producer.close();
  }

  async #sendOrders(): Promise<void> {
    const events = Array.from({ length: ORDERS_PER_TICK }, () =>
      this.#orAgain('order', () => this.#maker.order()),
    );
    await this.#replay(events);
  }

  async #sendClicks(): Promise<void> {
    const events = Array.from({ length: CLICKS_PER_TICK }, () =>
      this.#orAgain('click', () => this.#maker.click(Date.now())),
    );
    await this.#post('click', events, {}, 202);
  }

  /** Bad messages, requests that the gateway has to refuse, and orders that come again by the other door. */
  async #sendOdd(): Promise<void> {
    const draw = this.#deps.random.uniform();
    if (draw < BAD_SHARE) await this.#sendBad();
    else if (draw < BAD_SHARE + REFUSED_SHARE) {
      const event = this.#maker.click(Date.now());
      const refused = { ...event, payload: { ...event.payload, dwell: 'long' } };
      await this.#post('click', [refused], {}, 400);
    } else {
      const again = this.record.earlier(this.#deps.random.uniform());
      if (again?.source !== 'order') return;
      await this.#post('order', [again], { 'millrace-known-time': String(again.knownTime) }, 202);
    }
  }

  /** A fresh event, or now and then one that was sent before: of late, or long ago. */
  #orAgain(source: string, make: () => MadeEvent): MadeEvent {
    const { random } = this.#deps;
    const [isAgain, draw, isOld] = [
      random.uniform() < DUPLICATE_SHARE,
      random.uniform(),
      random.uniform() < 0.3,
    ];
    const again = isAgain ? this.record.earlier(isOld ? draw : 1 - draw * 0.02) : undefined;
    return again?.source === source ? again : make();
  }

  async #replay(events: readonly MadeEvent[]): Promise<SourceOffset[]> {
    return this.#untilAnswered(async () => {
      const sent = events.map((event) => this.record.attempt(event.source, event.id, 'stored', event));
      const offsets = await this.#replayer.send(events);
      for (const one of sent) one.accepted++;
      return offsets;
    });
  }

  async #sendBad(): Promise<void> {
    const { source, id, code, value, knownTime } = this.#maker.bad();
    const topic = this.#deps.names.sourceTopic(source);
    const partition = partitionOf(id, orderSource.partitions);
    const headers = { 'millrace-known-time': String(knownTime) };
    await this.#untilAnswered(async () => {
      const sent = this.record.attempt(source, id, code);
      await this.#producer.send([{ topic, partition, key: id, value, headers }]);
      sent.accepted++;
    });
  }

  /** Asks the gateway again while it is away or says so; any answer but that and the wanted one is a failure. */
  async #post(
    source: string,
    events: readonly MadeEvent[],
    headers: Readonly<Record<string, string>>,
    wanted: 202 | 400,
  ): Promise<void> {
    const body = events.map((event) => JSON.stringify(event.payload)).join('\n');
    await this.#untilAnswered(async () => {
      const expected = wanted === 202 ? 'stored' : 'refused';
      const sent = events.map((event) => this.record.attempt(source, event.id, expected, event));
      const response = await fetch(`${this.#deps.gatewayUrl}/v1/events/${source}`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson', ...headers },
        body,
        signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
      });
      const text = await response.text();
      if (response.status === wanted) {
        if (wanted === 202) for (const one of sent) one.accepted++;
        return;
      }
      if (response.status === 429 || response.status === 503) throw new Error(text);
      throw new UnexpectedAnswer(`the gateway answered ${response.status} instead of ${wanted}: ${text}`);
    });
  }

  async #untilAnswered<T>(send: () => Promise<T>): Promise<T> {
    const giveUpAt = performance.now() + GIVE_UP_MS;
    for (;;) {
      this.#closed.signal.throwIfAborted();
      try {
        return await send();
      } catch (error) {
        if (error instanceof UnexpectedAnswer || performance.now() > giveUpAt) throw error;
        await sleep(RETRY_MS);
      }
    }
  }
}

/** An answer that no fault explains. */
class UnexpectedAnswer extends Error {}
