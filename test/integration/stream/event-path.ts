import path from 'node:path';
import { createNames, type Names } from '../../../src/contracts/names.ts';
import type { JsonValue } from '../../../src/core/json.ts';
import { entity } from '../../../src/define/entity.ts';
import { featureView, type FeatureView } from '../../../src/define/feature-view.ts';
import { boolean, nullable, number, string, timestamp } from '../../../src/define/field.ts';
import { project, type Project } from '../../../src/define/project.ts';
import { source } from '../../../src/define/source.ts';
import type { ViewProgram } from '../../../src/fold/compile-view.ts';
import { decodeState } from '../../../src/fold/state-codec.ts';
import { readFeatures } from '../../../src/fold/view-state.ts';
import { createKafka, type KafkaClient, type RunningConsumer } from '../../../src/infra/kafka.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { createMetrics } from '../../../src/infra/metrics.ts';
import { migrate } from '../../../src/infra/migrate.ts';
import { createPostgres, type Postgres } from '../../../src/infra/postgres.ts';
import { createRedis, type Redis } from '../../../src/infra/redis.ts';
import { applyProject } from '../../../src/store/apply-project.ts';
import { createOnlineStore, type OnlineStore } from '../../../src/store/online-store.ts';
import { programsOf } from '../../../src/store/project-definitions.ts';
import type { Failpoints } from '../../../src/stream/failpoints.ts';
import { startFoldConsumer } from '../../../src/stream/fold-consumer.ts';
import type { FoldConsumerDeps } from '../../../src/stream/fold-member.ts';
import { startIngest } from '../../../src/stream/ingest.ts';
import { createReplayer, type Replayer } from '../../../src/stream/replayer.ts';
import { createStreamMetrics } from '../../../src/stream/stream-metrics.ts';
import { naiveFeatures } from '../../support/naive-features.ts';
import { createTestDatabase, testPrefix, testStack } from '../../support/test-stack.ts';

export const card = entity({ name: 'card', keys: ['cardId'] });
export const shop = entity({ name: 'shop', keys: ['shopId'] });

export const paymentSource = source({
  name: 'payment',
  schema: {
    paymentId: string(),
    cardId: nullable(string()),
    shopId: string(),
    amount: number(),
    declined: nullable(boolean()),
    paidAt: timestamp(),
  },
  id: 'paymentId',
  eventTime: 'paidAt',
  knownTime: 'carried',
  clockSkew: '1m',
  dedupeWindow: '1h',
  partitions: 3,
});

export const cardPayments = featureView({
  name: 'card_payments',
  entity: card,
  source: paymentSource,
  partitions: 2,
  features: (a) => ({
    count1h: a.count({ window: '1h' }),
    sum24h: a.sum('amount', { window: '24h' }),
    mean24h: a.mean('amount', { window: '24h' }),
    declined24h: a.count({ window: '24h', where: { declined: true } }),
    last24h: a.last('amount', { window: '24h' }),
  }),
});

export const shopPayments = featureView({
  name: 'shop_payments',
  entity: shop,
  source: paymentSource,
  partitions: 3,
  features: (a) => ({
    count24h: a.count({ window: '24h' }),
    max24h: a.max('amount', { window: '24h' }),
    cards24h: a.approxDistinct('cardId', { window: '24h' }),
    last: a.lastN('amount', { window: '24h', n: 2 }),
    topCards: a.topK('cardId', { window: '24h', k: 2 }),
    amounts: a.histogram('amount', { window: '24h', edges: [50, 150] }),
    declined: a.ratio(a.count({ window: '24h', where: { declined: true } }), a.count({ window: 'lifetime' })),
  }),
});

export const paymentProject = project({ name: 'payments', views: [cardPayments, shopPayments] });

export interface EventPath {
  readonly project: Project;
  readonly programs: readonly ViewProgram[];
  readonly names: Names;
  readonly kafka: KafkaClient;
  readonly postgres: Postgres;
  readonly redis: Redis;
  readonly store: OnlineStore;
  readonly replayer: Replayer;
  readonly url: string;
  ingest(failpoints?: Failpoints): Promise<RunningConsumer>;
  fold(failpoints?: Failpoints, over?: Partial<FoldConsumerDeps>): Promise<RunningConsumer>;
  apply(changed?: Project): ReturnType<typeof applyProject>;
  /** Deletes this test's keys, as FLUSHALL would if the server were its own. */
  flushStates(): Promise<void>;
  close(): Promise<void>;
}

const logLevel = process.env['MILLRACE_LOG_LEVEL'] ?? 'silent';
const noMetrics = () => createStreamMetrics(createMetrics('test'));
const SESSION_TIMEOUT_MS = 6_000;

/** An event path of its own on the real servers: database, namespace, topics, keys. */
export async function openEventPath(of: Project = paymentProject): Promise<EventPath> {
  const stack = testStack();
  const logger = createLogger('test', logLevel);
  const database = await createTestDatabase();
  const name = testPrefix();
  const postgres = createPostgres({ url: database.url, applicationName: 'test', logger });
  await migrate(postgres, path.resolve(import.meta.dirname, '../../../migrations'));
  const names = createNames(name);
  const kafka = createKafka({ brokers: stack.kafkaBrokers, clientId: 'test', logger });
  const redis = createRedis({ url: stack.redisUrl, role: 'write', logger });
  const store = createOnlineStore(redis, names);
  const programs = programsOf(of);
  const metrics = noMetrics();
  const running: RunningConsumer[] = [];
  const deps = {
    kafka,
    postgres,
    names,
    store,
    logger,
    metrics,
    clock: Date.now,
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
  };
  const apply = (changed: Project = of) =>
    applyProject(changed, { ...deps, registerModel: async () => undefined });
  const started = async (consumer: Promise<RunningConsumer>): Promise<RunningConsumer> => {
    running.push(await consumer);
    return consumer;
  };
  await apply();
  const replayer = await createReplayer(kafka, names, of);
  const keys = async (): Promise<string[]> => redis.keys(`${name}:*`);
  const flushStates = async (): Promise<void> => {
    const found = await keys();
    if (found.length > 0) await redis.del(found);
  };
  return {
    project: of,
    programs,
    names,
    kafka,
    postgres,
    redis,
    store,
    replayer,
    url: database.url,
    apply,
    flushStates,
    ingest: (failpoints = {}) => started(startIngest({ ...deps, failpoints }, of.sources, programs)),
    fold: (failpoints = {}, over = {}) =>
      started(startFoldConsumer({ ...deps, failpoints, ...over }, programs)),
    async close() {
      for (const consumer of running) await consumer.stop();
      await replayer.close();
      const topics = [
        ...of.sources.flatMap((s) => [names.sourceTopic(s.name), names.deadLetterTopic(s.name)]),
        ...programs.map((p) => names.viewTopic(p.name, p.version)),
        names.decisionTopic(),
      ];
      await kafka.deleteTopics(topics).catch(() => undefined);
      await flushStates();
      await kafka.close();
      redis.disconnect();
      await postgres.close();
      await database.drop();
    },
  };
}

export interface Payment {
  readonly paymentId: string;
  readonly cardId: string | null;
  readonly shopId: string;
  readonly amount: number;
  readonly declined: boolean | null;
  readonly paidAt: number;
}

export const START = Date.UTC(2013, 0, 1);

/** Payments in order of known time, one every ten seconds, some of them late. */
export function payments(count: number, from = 0): { payment: Payment; knownTime: number }[] {
  return Array.from({ length: count }, (_, i) => {
    const n = from + i;
    const knownTime = START + n * 10_000;
    const payment: Payment = {
      paymentId: `p${n}`,
      cardId: n % 17 === 0 ? null : `card-${(n * 7919) % 23}`,
      shopId: `shop-${(n * 104_729) % 5}`,
      amount: ((n * 31) % 1_000) / 4,
      declined: n % 5 === 0 ? null : n % 3 === 0,
      paidAt: knownTime - (n % 11 === 0 ? 3_600_000 : (n % 7) * 1_000),
    };
    return { payment, knownTime };
  });
}

export const replayOf = (events: readonly { payment: Payment; knownTime: number }[]) =>
  events.map(({ payment, knownTime }) => ({
    source: 'payment',
    id: payment.paymentId,
    payload: payment as unknown as Record<string, JsonValue>,
    knownTime,
  }));

/** Features as the online store has them. */
export async function onlineFeatures(
  path: EventPath,
  view: string,
  key: string,
  asOf: number,
): Promise<Record<string, number>> {
  const program = path.programs.find((p) => p.name === view) as ViewProgram;
  const [bytes] = await path.store.readStates([{ program, entityKey: key }]);
  const out = new Float64Array(program.featureNames.length);
  readFeatures(
    program,
    bytes === undefined || bytes === null ? null : decodeState(program, bytes),
    asOf,
    out,
    0,
  );
  return Object.fromEntries(program.featureNames.map((feature, i) => [feature, out[i] as number]));
}

/** The same features, from the events themselves, straight from the definition of a sawtooth window; null is NaN. */
export function naiveFeaturesOf(
  view: FeatureView,
  keyField: 'cardId' | 'shopId',
  events: readonly { payment: Payment; knownTime: number }[],
  key: string,
  asOf: number,
): Record<string, number> {
  const mine = events
    .filter((e) => e.payment[keyField] === key && e.knownTime <= asOf)
    .map(({ payment, knownTime }) => ({
      effectiveTime: Math.min(payment.paidAt, knownTime),
      knownTime,
      row: { ...payment },
    }));
  return Object.fromEntries(
    Object.entries(naiveFeatures(view, mine, asOf)).map(([name, value]) => [name, value ?? NaN]),
  );
}

/** Compares every card and every shop; answers what differs. */
export async function differences(
  path: EventPath,
  events: readonly { payment: Payment; knownTime: number }[],
): Promise<string[]> {
  const asOf = Math.max(...events.map((e) => e.knownTime));
  const found: string[] = [];
  for (const [view, keyField] of [
    [cardPayments, 'cardId'],
    [shopPayments, 'shopId'],
  ] as const) {
    for (const key of new Set(events.map((e) => e.payment[keyField]))) {
      if (key === null) continue;
      const online = JSON.stringify(await onlineFeatures(path, view.name, key, asOf));
      const naive = JSON.stringify(naiveFeaturesOf(view, keyField, events, key, asOf));
      if (online !== naive) found.push(`${view.name} ${key}: online ${online}, naive ${naive}`);
    }
  }
  return found;
}

/** Sums of the ingest account, and what the offline log holds. */
export async function account(
  path: EventPath,
): Promise<{ stored: number; duplicates: number; deadLetters: number; rows: number }> {
  const [row] = await path.postgres.query<{
    stored: number;
    duplicates: number;
    deadLetters: number;
    rows: number;
  }>(
    `SELECT sum(stored)::float8 AS stored, sum(duplicates)::float8 AS duplicates, sum(dead_letters)::float8 AS "deadLetters",
            (SELECT count(*)::float8 FROM log.payment) AS rows FROM millrace.ingest_positions`,
  );
  return row as NonNullable<typeof row>;
}

/** Waits until a condition holds. */
export async function eventually(
  what: string,
  isTrue: () => Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const giveUpAt = performance.now() + timeoutMs;
  while (!(await isTrue())) {
    if (performance.now() > giveUpAt) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
