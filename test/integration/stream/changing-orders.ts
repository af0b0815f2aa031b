import type { JsonValue } from '../../../src/core/json.ts';
import { float32Of } from '../../support/naive/float32.ts';
import { entity } from '../../../src/define/entity.ts';
import { featureView } from '../../../src/define/feature-view.ts';
import { boolean, nullable, number, string, timestamp } from '../../../src/define/field.ts';
import { project } from '../../../src/define/project.ts';
import { source } from '../../../src/define/source.ts';
import type { ReplayEvent } from '../../../src/stream/replayer.ts';
import { START } from './event-path.ts';

export const orders = source({
  name: 'orders',
  schema: {
    orderId: string(),
    customerId: nullable(string()),
    amount: number(),
    paid: nullable(boolean()),
    placedAt: timestamp(),
  },
  id: 'orderId',
  eventTime: 'placedAt',
  knownTime: 'carried',
  partitions: 3,
  changes: true,
});
export const customerOrders = featureView({
  name: 'customer_orders',
  entity: entity({ name: 'customer', keys: ['customerId'] }),
  source: orders,
  partitions: 2,
  features: (a) => ({
    count24h: a.count({ window: '24h' }),
    paid24h: a.count({ window: '24h', where: { paid: true } }),
    sum24h: a.sum('amount', { window: '24h' }),
    mean1h: a.mean('amount', { window: '1h' }),
    stddev24h: a.stddev('amount', { window: '24h' }),
  }),
});
/** What SQL has no form of. */
export const customerMoments = featureView({
  name: 'customer_moments',
  entity: customerOrders.entity,
  source: orders,
  partitions: 1,
  features: (a) => ({
    skewness: a.skewness('amount', { window: 'lifetime' }),
    median: a.approxQuantile('amount', { window: '24h', q: 0.5 }),
    paidShare: a.ratio(a.count({ window: '24h', where: { paid: true } }), a.count({ window: '24h' })),
  }),
});
export const orderProject = project({ name: 'orders', views: [customerOrders, customerMoments] });

interface Order {
  readonly orderId: string;
  readonly customerId: string | null;
  readonly amount: number;
  readonly paid: boolean | null;
  readonly placedAt: number;
}
export interface Change {
  readonly id: string;
  readonly op: 'c' | 'u' | 'd' | 'r';
  readonly before: Order | null;
  readonly after: Order | null;
  readonly knownTime: number;
}

export const CUSTOMERS = 7;
const customerOf = (n: number): string | null => (n % 13 === 0 ? null : `customer-${(n * 7919) % CUSTOMERS}`);

/** Orders that are placed, paid, moved to another customer and cancelled, by known time. */
export function changes(count: number): Change[] {
  const now = new Map<string, Order>();
  return Array.from({ length: count }, (_, n): Change => {
    const knownTime = START + n * 20_000;
    const orderId = `o${n % 2 === 0 ? n : (n * 31) % Math.max(1, n)}`;
    const before = now.get(orderId) ?? null;
    const change = { id: `c${n}`, before, knownTime };
    if (before !== null && n % 5 === 0) {
      now.delete(orderId);
      return { ...change, op: 'd', after: null };
    }
    const after: Order = {
      orderId,
      customerId: before === null || n % 3 === 0 ? customerOf(n) : before.customerId,
      amount: ((n * 37) % 900) / 4,
      paid: n % 4 === 0 ? null : n % 3 !== 0,
      placedAt: before?.placedAt ?? knownTime - (n % 6) * 60_000,
    };
    now.set(orderId, after);
    return { ...change, op: before === null ? (n % 10 === 0 ? 'r' : 'c') : 'u', after };
  });
}

export const replayOf = (sent: readonly Change[]): ReplayEvent[] =>
  sent.map(({ knownTime, ...payload }) => ({
    source: 'orders',
    id: (payload.after ?? payload.before)?.orderId ?? '',
    payload: payload as unknown as Record<string, JsonValue>,
    knownTime,
  }));

/** The orders that are there as of a moment. */
export function left(sent: readonly Change[], asOf: number): Order[] {
  const now = new Map<string, Order | null>();
  for (const { before, after, knownTime } of sent) {
    if (knownTime <= asOf) now.set((after ?? before)?.orderId ?? '', after);
  }
  return [...now.values()].flatMap((order) => order ?? []);
}

export const float32s = (features: Readonly<Record<string, number | null>>): Record<string, number> =>
  Object.fromEntries(Object.entries(features).map(([name, value]) => [name, float32Of(value)]));
