import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import type { MillraceClient } from '../../../src/index.ts';
import type { ParcelEvent, ParcelOrder, ParcelWorld } from './events.ts';

const STEP_MS = 30 * 60_000;
/** Wall clock between two steps, so that workflows that poll have their turn. */
const PAUSE_MS = 60;

export interface Answer {
  readonly status: number;
  readonly version: number | null;
  readonly decisionId: string | null;
  readonly text: string;
}

/** Moves the world's clock: sends what is known by then, waits until it can be read, asks for the orders of the step. */
export class LiveTraffic {
  readonly answers: Answer[] = [];
  sent: ParcelEvent[] = [];
  clock: number;
  readonly #world: ParcelWorld;
  readonly #millrace: MillraceClient;
  readonly #url: string;
  #nextEvent = 0;
  #nextOrder: number;

  constructor(world: ParcelWorld, millrace: MillraceClient, servingUrl: string, from: number) {
    this.#world = world;
    this.#millrace = millrace;
    this.#url = `${servingUrl}/v1/models/late_parcel/predict`;
    this.clock = from;
    const first = world.orders.findIndex((order) => order.placedAt >= from);
    this.#nextOrder = first < 0 ? world.orders.length : first;
  }

  get failed(): readonly Answer[] {
    return this.answers.filter(({ status }) => status !== 200);
  }

  /** Sends everything known up to the clock and waits until every view shows it. */
  async sendDue(): Promise<void> {
    const from = this.#nextEvent;
    while ((this.#world.events[this.#nextEvent]?.knownTime ?? Infinity) <= this.clock) this.#nextEvent++;
    const due = this.#world.events.slice(from, this.#nextEvent);
    if (due.length === 0) return;
    this.sent.push(...due);
    await this.#millrace.waitVisible(await this.#millrace.replay(due));
  }

  async step(): Promise<void> {
    await this.sendDue();
    const until = this.clock + STEP_MS;
    const due: ParcelOrder[] = [];
    for (;;) {
      const order = this.#world.orders[this.#nextOrder];
      if (order === undefined) throw new Error('The little world has come to its end: give it more days.');
      if (order.placedAt >= until) break;
      due.push(order);
      this.#nextOrder++;
    }
    this.answers.push(...(await Promise.all(due.map((order) => this.ask(order)))));
    this.clock = until;
    await sleep(PAUSE_MS);
  }

  async stepUntil(done: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await done())) await this.step();
  }

  async ask(order: ParcelOrder): Promise<Answer> {
    const body = JSON.stringify({ instances: [order], asOf: order.placedAt });
    try {
      const answer = await request(this.#url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      const text = await answer.body.text();
      if (answer.statusCode !== 200)
        return { status: answer.statusCode, version: null, decisionId: null, text };
      const parsed = JSON.parse(text) as { predictions: { version: number; decisionId: string }[] };
      const [prediction] = parsed.predictions;
      return {
        status: 200,
        version: prediction?.version ?? null,
        decisionId: prediction?.decisionId ?? null,
        text,
      };
    } catch (error) {
      return { status: 0, version: null, decisionId: null, text: String(error) };
    }
  }
}
