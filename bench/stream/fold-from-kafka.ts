/**
 * The fold consumer, from Kafka's view topic to Redis, beside the bare Kafka client that reads the same topic and does
 * nothing with it: the one's events a second as a share of the other's. Each reads the whole topic from the start, in
 * turn, some times; the first turn warms up and does not count.
 *
 *     npx tsx bench/stream/fold-from-kafka.ts [--events 2000000] [--batch 500] [--keys 10000] [--turns 3]
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { createNames } from '../../src/contracts/names.ts';
import { compileView } from '../../src/fold/compile-view.ts';
import { loadBaseConfig } from '../../src/infra/base-config.ts';
import { createKafka } from '../../src/infra/kafka.ts';
import type { OutgoingMessage } from '../../src/infra/kafka-producer.ts';
import { createLogger } from '../../src/infra/logger.ts';
import { createMetrics } from '../../src/infra/metrics.ts';
import { createPostgres } from '../../src/infra/postgres.ts';
import { processEnvironment } from '../../src/infra/process-environment.ts';
import { createRedis } from '../../src/infra/redis.ts';
import type { LoggedEvent } from '../../src/store/offline-log.ts';
import { createOnlineStore } from '../../src/store/online-store.ts';
import { startFoldConsumer } from '../../src/stream/fold-consumer.ts';
import { createStreamMetrics } from '../../src/stream/stream-metrics.ts';
import { writeFrames } from '../../src/stream/view-frames.ts';
import { activity, createRandom } from '../fold/activity-view.ts';
import { median } from '../measure/quantile.ts';
import { runHeading } from '../measure/run-heading.ts';

const { values: options } = parseArgs({
  options: {
    events: { type: 'string', default: '2000000' },
    batch: { type: 'string', default: '500' },
    keys: { type: 'string', default: '10000' },
    turns: { type: 'string', default: '3' },
  },
});
const events = Number(options.events);
const batchEvents = Number(options.batch);
const keys = Number(options.keys);
const turns = Number(options.turns);
const START_MS = Date.UTC(2024, 0, 1);
const EVENT_STEP_MS = 40;
const HOUR_MS = 3_600_000;
const LATE_SHARE = 0.1;
const TURN_MS_MAX = 120_000;
/** Frames that one request writes. */
const SEND_FRAMES = 400;
const BYTES_PER_PARTITION = 4 * 1_048_576;

const namespace = `bench${randomBytes(4).toString('hex')}`;
const logger = createLogger('bench', 'warn');
const base = loadBaseConfig({ ...processEnvironment(), MILLRACE_PROJECT: 'bench' });
const names = createNames(namespace);
const program = compileView(activity);
const topic = names.viewTopic(program.name, program.version);
const kafka = createKafka({ brokers: base.kafkaBrokers, clientId: 'bench', logger });
const redis = createRedis({ url: base.redisUrl, role: 'write', logger });
const postgres = createPostgres({ url: base.postgresUrl, applicationName: 'bench', logger, poolMax: 1 });
const store = createOnlineStore(redis, names);

interface Turn {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** Writes the topic as the ingest consumer would. Answers how many frames and bytes each partition has. */
async function fillTopic(): Promise<{ frames: number[]; bytes: number }> {
  await kafka.ensureTopics([{ topic, partitions: program.partitions }]);
  const producer = await kafka.createProducer();
  const random = createRandom();
  const frames = new Array<number>(program.partitions).fill(0);
  const { partitions } = program.view.source;
  const next = new Array<number>(partitions).fill(0);
  const pending: OutgoingMessage[] = [];
  let bytes = 0;
  for (let sent = 0, batch = 0; sent < events; sent += batchEvents, batch++) {
    const sourcePartition = batch % partitions;
    const firstOffset = next[sourcePartition] ?? 0;
    const rows = Array.from({ length: batchEvents }, (_, i) =>
      someEvent(random, sent + i, { sourcePartition, sourceOffset: firstOffset + i }),
    );
    next[sourcePartition] = firstOffset + batchEvents;
    const newest = START_MS + (sent + batchEvents - 1) * EVENT_STEP_MS;
    const bounds = { sourcePartition, firstOffset, lastOffset: firstOffset + batchEvents - 1 };
    const messages = writeFrames([program], () => topic, rows, {
      ...bounds,
      newestKnownTime: newest,
      appendTime: newest,
    });
    for (const { partition, value } of messages) {
      frames[partition]! += 1;
      bytes += value?.length ?? 0;
    }
    pending.push(...messages);
    if (pending.length >= SEND_FRAMES || sent + batchEvents >= events) await producer.send(pending.splice(0));
  }
  await producer.close();
  return { frames, bytes };
}

function someEvent(
  random: () => number,
  n: number,
  at: Pick<LoggedEvent, 'sourcePartition' | 'sourceOffset'>,
): LoggedEvent {
  const knownTime = START_MS + n * EVENT_STEP_MS;
  const card = `card-${Math.floor(random() * keys)}`;
  const row = {
    id: String(n),
    at: knownTime,
    card,
    amount: Math.round(random() * 10_000) / 100,
    fee: random() < 0.3 ? null : Math.round(random() * 100) / 100,
    online: random() < 0.5,
  };
  const effectiveTime = random() < LATE_SHARE ? Math.floor(knownTime - random() * HOUR_MS) : knownTime;
  return { ...at, row, eventTime: effectiveTime, effectiveTime, knownTime };
}

/** From the moment it has its partitions to the last message. */
async function readBare(frames: readonly number[]): Promise<Turn> {
  const client = new Kafka({ brokers: [...base.kafkaBrokers], clientId: 'bare', logLevel: logLevel.ERROR });
  const consumer = client.consumer({
    groupId: `${namespace}.bare`,
    maxWaitTimeInMs: 100,
    maxBytesPerPartition: BYTES_PER_PARTITION,
  });
  const total = frames.reduce((sum, one) => sum + one, 0);
  let seen = 0;
  let start: ReturnType<typeof startClock> | undefined;
  let done: Turn | undefined;
  consumer.on('consumer.group_join', () => void (start ??= startClock()));
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    partitionsConsumedConcurrently: 256,
    eachBatch: async ({ batch }) => {
      seen += batch.messages.length;
      if (seen >= total) done = start?.();
    },
  });
  const turn = await waitFor(async () => done);
  await consumer.disconnect();
  return turn;
}

/** From the moment it has its partitions, and looks for their positions, to the last position in Redis. */
async function foldAll(frames: readonly number[]): Promise<Turn> {
  let start: ReturnType<typeof startClock> | undefined;
  const timed: typeof store = {
    ...store,
    readPositionText: (of, partition) => {
      start ??= startClock();
      return store.readPositionText(of, partition);
    },
  };
  const metrics = createStreamMetrics(createMetrics('bench'));
  const deps = { kafka, postgres, store: timed, names, logger, clock: Date.now, metrics };
  const consumer = await startFoldConsumer(deps, [program]);
  const turn = await waitFor(async () => {
    const positions = await store.readPositions(program);
    return positions.every(({ viewOffset }, partition) => viewOffset === (frames[partition] ?? 0) - 1)
      ? start?.()
      : undefined;
  });
  await consumer.stop();
  await forget();
  return turn;
}

function startClock(): () => Turn {
  const wall = performance.now();
  const cpu = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return { wallMs: performance.now() - wall, cpuMs: (user + system) / 1_000 };
  };
}

async function waitFor(look: () => Promise<Turn | undefined>): Promise<Turn> {
  const until = performance.now() + TURN_MS_MAX;
  while (performance.now() < until) {
    const turn = await look();
    if (turn !== undefined) return turn;
    await sleep(10);
  }
  throw new Error(`a turn took longer than ${TURN_MS_MAX} ms`);
}

/** Deletes the states and positions of the namespace. */
async function forget(): Promise<void> {
  for (let cursor = '0'; ;) {
    const [next, found] = await redis.scan(cursor, 'MATCH', `${namespace}:*`, 'COUNT', 5_000);
    if (found.length > 0) await redis.unlink(found);
    if (next === '0') return;
    cursor = next;
  }
}

const rate = (turn: Turn, of: 'wallMs' | 'cpuMs'): number => (events / turn[of]) * 1_000;
const count = (value: number): string => Math.round(value).toLocaleString('en');

try {
  console.log(runHeading(`npx tsx bench/stream/fold-from-kafka.ts ${process.argv.slice(2).join(' ')}`.trimEnd()));
  const { frames, bytes } = await fillTopic();
  const total = frames.reduce((sum, one) => sum + one, 0);
  console.log(
    `${events} events in ${total} frames, ${(bytes / events).toFixed(1)} bytes an event, ${keys} keys, ${program.partitions} partitions`,
  );
  const bare: Turn[] = [];
  const fold: Turn[] = [];
  for (let turn = 0; turn <= turns; turn++) {
    const one = await readBare(frames);
    const other = await foldAll(frames);
    if (turn === 0) continue;
    bare.push(one);
    fold.push(other);
  }
  for (const of of ['wallMs', 'cpuMs'] as const) {
    const rates = { bare: median(bare.map((t) => rate(t, of))), fold: median(fold.map((t) => rate(t, of))) };
    console.log(
      `${of === 'wallMs' ? 'by the clock' : 'by CPU time'}: bare ${count(rates.bare)}, fold ${count(rates.fold)} events/s, ${((100 * rates.fold) / rates.bare).toFixed(1)} %`,
    );
  }
} finally {
  await forget();
  await kafka.deleteTopics([topic]).catch(() => undefined);
  redis.disconnect();
  await kafka.close();
  await postgres.close();
}
