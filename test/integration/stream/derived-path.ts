import { derivedSource } from '../../../src/define/derived-source.ts';
import type { DerivedSource } from '../../../src/define/derivation.ts';
import { featureService } from '../../../src/define/feature-service.ts';
import { featureView } from '../../../src/define/feature-view.ts';
import { boolean, nullable, number, string, timestamp } from '../../../src/define/field.ts';
import { model } from '../../../src/define/model.ts';
import { project } from '../../../src/define/project.ts';
import { source, type Source } from '../../../src/define/source.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { createMetrics, type Registry } from '../../../src/infra/metrics.ts';
import { startDeriver, type RunningDeriver } from '../../../src/stream/deriver.ts';
import type { Failpoints } from '../../../src/stream/failpoints.ts';
import type { ReplayEvent } from '../../../src/stream/replayer.ts';
import { createStreamMetrics } from '../../../src/stream/stream-metrics.ts';
import { withDerivedOffsets } from '../../../src/store/derived/derived-offsets.ts';
import type { SourceOffset } from '../../../src/store/wait-visible.ts';
import { logTable } from '../../../src/store/log-table.ts';
import { roundedRow } from '../../support/naive/float32.ts';
import { naiveAttached, type NaiveLogged } from '../../support/naive/naive-derived.ts';
import {
  card,
  cardPayments,
  payments,
  paymentSource,
  replayOf,
  START,
  type EventPath,
} from './event-path.ts';

export const shopProfile = source({
  name: 'shop_profile',
  schema: {
    changeId: string(),
    shopId: string(),
    country: nullable(string()),
    rating: nullable(number()),
    open: boolean(),
    changedAt: timestamp(),
  },
  id: 'changeId',
  eventTime: 'changedAt',
  knownTime: 'carried',
  dedupeWindow: '1h',
  partitions: 2,
});

/** A stream with its table, and with features of its own past. */
export const enriched = derivedSource({
  name: 'enriched_payment',
  from: paymentSource,
  carry: ['paymentId', 'paidAt', 'cardId', 'amount'],
  attach: (a) => ({
    country: a.latest(shopProfile, 'country', { by: { shopId: 'shopId' } }),
    rating: a.latest(shopProfile, 'rating', { by: { shopId: 'shopId' } }),
    open: a.latest(shopProfile, 'open', { by: { shopId: 'shopId' } }),
    profiled_at: a.latest(shopProfile, 'changedAt', { by: { shopId: 'shopId' } }),
    card_count: a.feature(cardPayments, 'count1h'),
    card_sum: a.feature(cardPayments, 'sum24h'),
  }),
});
export const cardEnriched = featureView({
  name: 'card_enriched',
  entity: card,
  source: enriched,
  partitions: 2,
  features: (a) => ({
    norwegian: a.count({ window: '1h', where: { country: 'NO' } }),
    rating: a.mean('rating', { window: '24h' }),
    busiest: a.max('card_count', { window: '24h' }),
    spread: a.difference(a.max('card_sum', { window: '24h' }), a.min('card_sum', { window: '24h' })),
  }),
});
/** Made of a derived source, and of a view of it. */
export const scored = derivedSource({
  name: 'scored_payment',
  from: enriched,
  carry: ['paymentId', 'cardId'],
  attach: (a) => ({
    norwegian: a.feature(cardEnriched, 'norwegian'),
    card_rating: a.feature(cardEnriched, 'rating'),
  }),
});
const outcome = source({
  name: 'outcome',
  schema: { paymentId: string(), wasFraud: boolean(), foundAt: timestamp() },
  id: 'paymentId',
  eventTime: 'foundAt',
  knownTime: 'carried',
});
export const fraud = model({
  name: 'fraud',
  service: featureService({
    name: 'fraud',
    views: [cardEnriched],
    request: { amount: number(), rating: nullable(number()) },
  }),
  examples: { source: enriched, id: 'paymentId', decisionTime: { field: 'paidAt', offset: '10m' } },
  label: { source: outcome, id: 'paymentId', value: 'wasFraud' },
});
export const derivedProject = project({
  name: 'derived',
  models: [fraud],
  sources: [scored],
  views: [cardPayments],
});
/** The same before anything was derived. */
export const plainProject = project({
  name: 'derived',
  sources: [shopProfile, outcome],
  views: [cardPayments],
});

/** Changes of shops in order of known time, some of them told late; the fourth shop is never told of. */
export const profiles = (count: number, from = 0): ReplayEvent[] =>
  Array.from({ length: count }, (_, i) => {
    const n = from + i;
    const knownTime = START + n * 70_000;
    const payload = {
      changeId: `c${n}`,
      shopId: `shop-${(n * 7) % 4}`,
      country: n % 6 === 5 ? null : n % 2 === 0 ? 'NO' : 'SE',
      rating: n % 7 === 3 ? null : n / 8,
      open: n % 3 === 0,
      changedAt: knownTime - (n % 5 === 0 ? 900_000 : 0),
    };
    return { source: 'shop_profile', id: payload.changeId, payload, knownTime };
  });

export const outcomes = (count: number): ReplayEvent[] =>
  payments(count).map(({ payment, knownTime }, n) => ({
    source: 'outcome',
    id: payment.paymentId,
    payload: { paymentId: payment.paymentId, wasFraud: n % 4 === 0, foundAt: knownTime },
    knownTime,
  }));

const PIECE_PAUSE_MS = 60;

/** Payments and changes of shops as they became known, in pieces; a piece is sent once the one before it is acknowledged. */
export async function sendInOrder(path: EventPath, count: number, pieces = 10): Promise<SourceOffset[]> {
  const all = [...profiles(Math.ceil(count / 7)), ...replayOf(payments(count))].sort(
    (a, b) => a.knownTime - b.knownTime,
  );
  const last = new Map<string, SourceOffset>();
  const size = Math.ceil(all.length / pieces);
  for (let at = 0; at < all.length; at += size) {
    const piece = all.slice(at, at + size);
    for (const name of ['shop_profile', 'payment']) {
      for (const offset of await path.replayer.send(piece.filter((event) => event.source === name)))
        last.set(`${name}/${offset.partition}`, offset);
    }
    // So that a deriver sees more than one batch.
    await new Promise((resolve) => setTimeout(resolve, PIECE_PAUSE_MS));
  }
  return [...last.values()];
}

export const derive = (
  path: EventPath,
  sources: readonly Source[] = derivedProject.sources,
  options: { readonly failpoints?: Failpoints; readonly registry?: Registry } = {},
): Promise<RunningDeriver> =>
  startDeriver(
    {
      ...path,
      logger: createLogger('test', process.env['MILLRACE_LOG_LEVEL'] ?? 'silent'),
      metrics: createStreamMetrics(options.registry ?? createMetrics('test')),
      failpoints: options.failpoints ?? {},
    },
    sources,
  );

export async function awaitDerived(
  path: EventPath,
  offsets: readonly SourceOffset[],
  timeoutMs: number,
): Promise<void> {
  const all = await withDerivedOffsets(path, derivedProject.sources, offsets, timeoutMs);
  await path.store.waitVisible(path.programs, all, timeoutMs);
}

const logged = (events: readonly ReplayEvent[], timeField: string): NaiveLogged[] =>
  events.map(({ source: of, payload, knownTime }, offset) => ({
    source: of,
    partition: 0,
    offset,
    effectiveTime: Math.min(payload[timeField] as number, knownTime),
    knownTime,
    row: payload,
  }));

/** Events of all sources, derived ones as the definitions say. */
export function naiveLog(count: number, tables = Math.ceil(count / 7)): NaiveLogged[] {
  const log = [...logged(profiles(tables), 'changedAt'), ...logged(replayOf(payments(count)), 'paidAt')];
  for (const { name, derivation, schema } of [enriched, scored] as DerivedSource[]) {
    const { from, attach } = derivation;
    const made = log
      .filter((one) => one.source === from.name)
      .map((one) => {
        const attached = Object.entries(attach).map(([field, how]) => [
          field,
          naiveAttached(how, one.row, one.knownTime, log),
        ]);
        const all = { ...one.row, ...Object.fromEntries(attached) } as Record<string, unknown>;
        return {
          ...one,
          source: name,
          row: Object.fromEntries(Object.keys(schema).map((field) => [field, all[field]])),
        };
      });
    log.push(...made);
  }
  return log;
}

/** Rows of a derived source's log in the order of their ids; times are ms since the epoch. */
export async function rowsOf(path: EventPath, of: Source): Promise<unknown[]> {
  const fields = Object.entries(of.schema).map(([name, { type }]) =>
    type === 'timestamp' ? `millrace.epoch_ms("${name}")::float8 AS "${name}"` : `"${name}"`,
  );
  const rows = await path.postgres.query<Record<string, unknown>>(
    `SELECT ${fields.join(', ')}, millrace.epoch_ms(known_time)::float8 AS known FROM ${logTable(of.name)}`,
  );
  return inOrder(rows.map((row) => ({ ...row })));
}

export const naiveRowsOf = (log: readonly NaiveLogged[], of: Source): unknown[] =>
  inOrder(
    log.filter((one) => one.source === of.name).map(({ row, knownTime }) => ({ ...row, known: knownTime })),
  );

const inOrder = (rows: readonly Record<string, unknown>[]): Record<string, unknown>[] =>
  rows.map(roundedRow).sort((a, b) => (String(a['paymentId']) < String(b['paymentId']) ? -1 : 1));
