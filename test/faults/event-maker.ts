import type { ErrorCode } from '../../src/core/error-table.ts';
import type { JsonValue } from '../../src/core/json.ts';
import type { SeededRandom } from '../../src/training/seeded-random.ts';

/** One event as its sender knows it. */
export interface MadeEvent {
  readonly source: 'order' | 'click';
  readonly id: string;
  readonly payload: Readonly<Record<string, JsonValue>>;
  /** Ms since the epoch; counts for orders, whose known time is carried. */
  readonly knownTime: number;
}

/** A message that no event can be made of, with the code that its dead letter has to have. */
export interface BadMessage {
  readonly source: 'order';
  readonly id: string;
  readonly code: ErrorCode;
  readonly value: string;
  readonly knownTime: number;
}

const ORDERS_BEGIN = Date.UTC(2013, 0, 1);
/** Known time that passes from one order to the next: a run of minutes spans days. */
const ORDER_STEP_MS = 10_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const CUSTOMERS = 40;
const SHOPS = 6;
const PAGES = 5;
/** Above the 256 KiB that an event may have. */
const OVERSIZED_BYTES = 280_000;

/** Makes the events of a run: the same random numbers make the same ones, up to the clock in clicks. */
export class EventMaker {
  readonly #random: SeededRandom;
  #made = 0;
  #orders = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** On time, late, older than every window, or early within the skew; known a little out of order. */
  order(): MadeEvent {
    const knownTime = ORDERS_BEGIN + this.#orders++ * ORDER_STEP_MS + this.#below(30_000);
    return this.#order(
      `o-${this.#made++}`,
      knownTime,
      knownTime - this.#ageOf([2 * HOUR_MS, 3 * DAY_MS], 50_000),
    );
  }

  click(now: number): MadeEvent {
    const id = `c-${this.#made++}`;
    const payload = {
      clickId: id,
      customerId: `customer-${this.#below(CUSTOMERS)}`,
      page: this.#chance(0.1) ? null : `page-${this.#below(PAGES)}`,
      dwell: this.#below(4_000) / 16,
      clickedAt: Math.round(now - this.#ageOf([10 * MINUTE_MS, 100 * DAY_MS], 4_000)),
    };
    return { source: 'click', id, payload, knownTime: now };
  }

  bad(): BadMessage {
    const id = `bad-${this.#made++}`;
    const knownTime = ORDERS_BEGIN + this.#orders * ORDER_STEP_MS;
    const order = (eventTime: number) => this.#order(id, knownTime, eventTime).payload;
    const letter = (code: ErrorCode, value: string): BadMessage => ({
      source: 'order',
      id,
      code,
      value,
      knownTime,
    });
    const draw = this.#random.uniform();
    if (draw < 0.4) return letter('STREAM_EVENT_MALFORMED', `{"orderId":"${id}","amount":`);
    if (draw < 0.65)
      return letter('STREAM_EVENT_INVALID', JSON.stringify({ ...order(knownTime), amount: 'much' }));
    if (draw < 0.9) return letter('STREAM_EVENT_EARLY', JSON.stringify(order(knownTime + 10 * MINUTE_MS)));
    return letter(
      'STREAM_EVENT_OVERSIZED',
      JSON.stringify({ ...order(knownTime), more: 'x'.repeat(OVERSIZED_BYTES) }),
    );
  }

  #order(id: string, knownTime: number, orderedAt: number): MadeEvent {
    const payload = {
      orderId: id,
      customerId: this.#chance(0.05) ? null : `customer-${this.#below(CUSTOMERS)}`,
      shopId: `shop-${this.#below(SHOPS)}`,
      amount: this.#below(20_000) / 100,
      paid: this.#chance(0.2) ? null : this.#chance(0.5),
      orderedAt,
    };
    return { source: 'order', id, payload, knownTime };
  }

  /** How far the event time lies before the known time: mostly a little, sometimes a lot, sometimes less than nothing. */
  #ageOf([late, veryLate]: readonly [number, number], early: number): number {
    const draw = this.#random.uniform();
    if (draw < 0.1) return this.#below(late);
    if (draw < 0.12) return this.#below(veryLate);
    if (draw < 0.2) return -this.#below(early);
    return this.#below(5_000);
  }

  #below(limit: number): number {
    return Math.floor(this.#random.uniform() * limit);
  }

  #chance(share: number): boolean {
    return this.#random.uniform() < share;
  }
}
