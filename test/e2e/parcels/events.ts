/** An event as it is sent. Times are ms since the epoch. */
export interface ParcelEvent {
  readonly source: 'orders' | 'deliveries';
  readonly id: string;
  readonly knownTime: number;
  /** What is wrong with it, on purpose. */
  readonly fault?: 'duplicate' | 'early' | 'invalid';
  readonly payload: Readonly<Record<string, string | number | boolean | null>>;
}

/** A question: will this order be late? */
export interface ParcelOrder {
  readonly orderId: string;
  readonly placedAt: number;
  readonly courier: string;
  readonly district: string | null;
  readonly amount: number;
  readonly express: boolean;
}

/** How many events are as no sender should send them. */
export interface Faults {
  readonly duplicates: number;
  readonly early: number;
  readonly invalid: number;
}

export interface ParcelWorld {
  /** In order of known time. */
  readonly events: readonly ParcelEvent[];
  /** In order of their time. */
  readonly orders: readonly ParcelOrder[];
}

export const START = Date.UTC(2024, 2, 1);
export const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

const ORDERS_A_DAY = 320;
const COURIERS = 9;
const DISTRICTS = ['north', 'east', 'south', 'west', 'Zürich 🚲'];
/** Every so manieth order is sent twice, is broken, has an early twin; every so manieth delivery is told late or is lost. */
const EVERY = {
  duplicate: 37,
  invalid: 61,
  early: 53,
  toldLate: 9,
  toldVeryLate: 71,
  unlabelled: 29,
  withoutDistrict: 23,
};

/** The little world from `START` on; the same days are the same for ever. */
export function parcelWorld(days: number): ParcelWorld {
  const random = generator(1);
  const orders = Array.from({ length: days * ORDERS_A_DAY }, (_, n) => orderOf(n, random));
  const events = orders.flatMap((order, n) => eventsOf(order, n, random));
  return {
    events: events.sort((a, b) => a.knownTime - b.knownTime),
    orders: orders.sort((a, b) => a.placedAt - b.placedAt),
  };
}

export function countFaults(events: readonly ParcelEvent[]): Faults {
  const count = (mark: string): number => events.filter(({ fault }) => fault === mark).length;
  return { duplicates: count('duplicate'), early: count('early'), invalid: count('invalid') };
}

const isOf = (n: number, every: number): boolean => n % every === every - 1;

function orderOf(n: number, random: () => number): ParcelOrder {
  return {
    orderId: `o${n}`,
    placedAt: START + Math.floor(n / ORDERS_A_DAY) * DAY_MS + Math.floor(random() * DAY_MS),
    courier: `courier-${Math.floor(random() * COURIERS)}`,
    district: isOf(n, EVERY.withoutDistrict)
      ? null
      : (DISTRICTS[Math.floor(random() * DISTRICTS.length)] ?? null),
    amount: Math.round(random() * 8_000) / 100,
    express: random() < 0.3,
  };
}

function eventsOf(order: ParcelOrder, n: number, random: () => number): ParcelEvent[] {
  const told: ParcelEvent = {
    source: 'orders',
    id: order.orderId,
    knownTime: order.placedAt,
    payload: { ...order },
  };
  const delivery = deliveryOf(order, n, random);
  const events = [told, delivery];
  if (isOf(n, EVERY.duplicate)) {
    events.push({ ...told, fault: 'duplicate', knownTime: order.placedAt + 20 * MINUTE_MS });
  }
  if (isOf(n, EVERY.invalid)) {
    const id = `invalid${n}`;
    events.push({ ...told, fault: 'invalid', id, payload: { orderId: id, courier: 7, amount: 'much' } });
  }
  if (isOf(n, EVERY.early)) {
    const id = `early${n}`;
    const payload = { ...delivery.payload, deliveryId: id, deliveredAt: delivery.knownTime + HOUR_MS };
    events.push({ ...delivery, fault: 'early', id, payload });
  }
  return events;
}

function deliveryOf(order: ParcelOrder, n: number, random: () => number): ParcelEvent {
  const slowness = 30 + 12 * Number(order.courier.slice(-1)) - (order.express ? 15 : 0);
  const minutes = Math.round((slowness + 60 * random() ** 2) * 10) / 10;
  // Whole milliseconds, as every time is.
  const deliveredAt = order.placedAt + Math.round(minutes * MINUTE_MS);
  const delay = isOf(n, EVERY.toldVeryLate) ? 2 * DAY_MS : isOf(n, EVERY.toldLate) ? 2 * HOUR_MS : 0;
  const unlabelled = isOf(n, EVERY.unlabelled);
  return {
    source: 'deliveries',
    id: `d${n}`,
    // A little clock skew: some are known before they happen.
    knownTime: deliveredAt + delay - (n % 5 === 0 && delay === 0 ? 3 * MINUTE_MS : 0),
    payload: {
      deliveryId: `d${n}`,
      orderId: order.orderId,
      deliveredAt,
      courier: order.courier,
      district: order.district,
      minutes: unlabelled ? null : minutes,
      late: unlabelled ? null : minutes > 90,
    },
  };
}

/** Numbers from 0 to below 1 by a seed: mulberry32. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
