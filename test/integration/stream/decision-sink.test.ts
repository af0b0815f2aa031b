import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Decision } from '../../../src/contracts/decision.ts';
import { ByteWriter } from '../../../src/fold/byte-writer.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { createMetrics } from '../../../src/infra/metrics.ts';
import { TIMESTAMP_MS_MIN } from '../../../src/store/copy-binary.ts';
import { encodeDecision, writeDecisionFrame } from '../../../src/store/decision-frame.ts';
import { findDecision } from '../../../src/store/find-decision.ts';
import { readDecisionAccounts } from '../../../src/store/source-accounts.ts';
import { startDecisionSink } from '../../../src/stream/decision-sink.ts';
import { createStreamMetrics } from '../../../src/stream/stream-metrics.ts';
import { decisionOf, loggedDecision } from '../../support/serving/decision.ts';
import { testStack } from '../../support/test-stack.ts';
import { eventually, openEventPath, START, type EventPath } from './event-path.ts';

const decision = (n: number): Decision => ({
  id: `d${n}`,
  model: 'fraud',
  version: 1,
  digest: 'abc',
  ...(n % 11 === 0 ? { variant: 'trial/new-arm', unit: 'é\u001f7' } : { variant: 'champion' }),
  exampleId: n % 2 === 0 ? null : `o${n}`,
  asOf: START + n,
  servedAt: START + n,
  instance: { shopId: 'é' },
  numbers: Buffer.from(Float32Array.of(n, NaN).buffer).toString('base64'),
  categories: ['a', null],
  reads: [],
  score: n / 100,
  shadow: n % 3 === 0 ? { version: 2, score: 0.5 } : null,
  latencyMs: { features: 1, queue: 0, compute: 1, total: 2 },
});

/** The table would refuse them, and with them all that came in their batch. */
const noVariants = ['shadow', 'trial/', '/new', 'a/b/c', 'Trial/new', 7].map((variant) => JSON.stringify({ ...decision(999), variant }));

const logger = createLogger('test', 'silent');
const metrics = createStreamMetrics(createMetrics('test'));
const leftOut = async () => (await metrics.decisionsLeftOut.get()).values[0]?.value;

/** Decisions that no column or no index takes: some are known by themselves, the last three only once Postgres refuses them. */
const unstorable: readonly Partial<Decision>[] = [
  { asOf: TIMESTAMP_MS_MIN - 1 },
  { servedAt: 9e15 },
  { version: 2 ** 31 },
  { shadow: { version: 0.5, score: 1 } },
  { shadow: 7 as never },
  // Not to be compressed.
  { exampleId: Array.from({ length: 4_000 }, (_, n) => String.fromCharCode(33 + ((n * n * 7_919) % 90))).join('') },
  { numbers: 'no base64!' },
  { instance: { text: 'a\0b' } },
  { instance: { text: '\ud800' } },
];

describe('the decision sink', () => {
  let path: EventPath;
  beforeAll(async () => {
    path = await openEventPath();
  });
  afterAll(() => path.close());

  test('stores each decision once, over restarts, repeats and messages that are no decisions', async () => {
    const deps = { ...path, logger, metrics, sessionTimeoutMs: 6_000 };
    const producer = await path.kafka.createProducer();
    const topic = path.names.decisionTopic();
    const send = (numbers: number[]) =>
      producer.send(
        numbers.map((n) => ({ topic, partition: n % 4, key: `d${n}`, value: JSON.stringify(decision(n)) })),
      );
    const stored = async () =>
      (await path.postgres.query<{ n: number }>('SELECT count(*)::int AS n FROM millrace.decisions'))[0]?.n;
    const first = await startDecisionSink(deps);
    await send(Array.from({ length: 50 }, (_, n) => n));
    await producer.send(
      [null, 'x', '{}', '{"id":"\\u0000"}', ...noVariants].map((value) => ({ topic, partition: 0, value })),
    );
    await eventually('the first are stored', async () => (await stored()) === 50);
    await first.stop();
    const second = await startDecisionSink(deps);
    await send(Array.from({ length: 60 }, (_, n) => n + 20));
    await eventually('all are stored', async () => (await stored()) === 80);
    // Decisions as serving sends them, many in a message: of some that are stored, and one whose text no table takes.
    const writer = new ByteWriter();
    const logged = [...[70, 80, 81, 82].map((n) => loggedDecision(`d${n}`)), loggedDecision('poison', { text: '\0' })];
    const framed = logged.map(([kind, values]) => encodeDecision(writer, kind, values));
    const frame = Buffer.from(writeDecisionFrame(framed));
    await producer.send([frame, frame, frame.subarray(0, -1)].map((value) => ({ topic, partition: 1, value })));
    await eventually('those of a frame are stored', async () => (await stored()) === 83);
    expect((await findDecision(path.postgres, 'd82'))?.instance).toEqual({ text: '' });
    const accounts = await readDecisionAccounts(path.postgres);
    expect(accounts.reduce((sum, account) => sum + account.stored, 0)).toBe(83);
    await second.stop();
    await producer.close();
    const [row] = await path.postgres.query<{
      score: number;
      numbers: Buffer;
      shadow_version: number;
      variant: string;
      body: { instance: object };
      as_of: Date;
    }>("SELECT score, variant, numbers, shadow_version, body, as_of FROM millrace.decisions WHERE id = 'd33'");
    expect(row).toMatchObject({
      score: 0.33,
      variant: 'trial/new-arm',
      shadow_version: 2,
      as_of: new Date(START + 33),
      body: { instance: { shopId: 'é' }, categories: ['a', null], unit: 'é\u001f7' },
    });
    expect((await findDecision(path.postgres, 'd33'))?.unit).toBe('é\u001f7');
    expect(await findDecision(path.postgres, 'd34')).not.toHaveProperty('unit');
    expect(row?.numbers.readFloatLE(0)).toBe(33);
  });

  test('leaves out and counts what Postgres can not hold, and stores what came before, with and after it', async () => {
    const before = (await leftOut()) ?? 0;
    const sink = await startDecisionSink({ ...path, logger, metrics, sessionTimeoutMs: 6_000 });
    const producer = await path.kafka.createProducer();
    const named = unstorable.map((over, n) => decisionOf(`bad${n}`, over));
    const good = Array.from({ length: 10 }, (_, n) => decisionOf(`good${n}`, { ...(n === 0 ? { shadow: undefined as never } : {}), instance: { text: 'the text \\u0000' } }));
    const sent = good.flatMap((one, n) => [one, ...named.slice(n, n + 1)]);
    await producer.send(sent.map((one) => ({ topic: path.names.decisionTopic(), partition: 2, value: JSON.stringify(one) })));
    await producer.close();
    const storedIds = async () =>
      (await path.postgres.query<{ id: string }>("SELECT id FROM millrace.decisions WHERE id ~ '^(good|bad)' ORDER BY id")).map(({ id }) => id);
    await eventually('those that can be are stored', async () => (await storedIds()).length === good.length);
    expect(await storedIds()).toEqual(good.map(({ id }) => id));
    await eventually('the others are counted', async () => (await leftOut()) === before + named.length);
    await sink.stop();
  });

  test('counts the messages that Kafka dropped before they were stored, and stores those behind them', async () => {
    const before = (await leftOut()) ?? 0;
    const deps = { ...path, logger, metrics, sessionTimeoutMs: 6_000 };
    const topic = path.names.decisionTopic();
    const producer = await path.kafka.createProducer();
    const send = (ids: string[]) => producer.send(ids.map((id) => ({ topic, partition: 3, value: JSON.stringify(decisionOf(id)) })));
    const isStored = async (id: string) => (await findDecision(path.postgres, id)) !== null;
    const first = await startDecisionSink(deps);
    await send(['kept0']);
    await eventually('the first is stored', () => isStored('kept0'));
    await first.stop();
    await send(['lost0', 'lost1', 'lost2']);
    await dropMessages(topic, 3);
    await send(['kept1']);
    await producer.close();
    const second = await startDecisionSink(deps);
    await eventually('the last is stored', () => isStored('kept1'));
    await eventually('the lost are counted', async () => (await leftOut()) === before + 3);
    expect(await isStored('lost2')).toBe(false);
    await second.stop();
  });

  test('stores again what a crash of Postgres takes back, also while no decision comes', async () => {
    const sink = await startDecisionSink({ ...path, logger, metrics, sessionTimeoutMs: 6_000 });
    const producer = await path.kafka.createProducer();
    await producer.send(
      [200, 201, 202].map((n) => ({
        topic: path.names.decisionTopic(),
        partition: 0,
        key: `d${n}`,
        value: JSON.stringify(decision(n)),
      })),
    );
    await producer.close();
    const isStored = async () => {
      const rows = await path.postgres.query("SELECT 1 FROM millrace.decisions WHERE id IN ('d201', 'd202')");
      return rows.length === 2;
    };
    await eventually('they are stored', isStored);
    // The last two and the position, as a crash undoes a transaction.
    await path.postgres.transaction(async (tx) => {
      await tx.query("DELETE FROM millrace.decisions WHERE id IN ('d201', 'd202')");
      await tx.query(
        'UPDATE millrace.decision_positions SET next_offset = next_offset - 2 WHERE partition = 0',
      );
    });
    await eventually('they are stored again', isStored);
    await sink.stop();
  });
});

/** As retention does: all that a partition has by now. */
async function dropMessages(topic: string, partition: number): Promise<void> {
  const admin = new Kafka({ brokers: testStack().kafkaBrokers, clientId: 'test', logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const offsets = await admin.fetchTopicOffsets(topic);
    const offset = offsets.find((one) => one.partition === partition)?.high ?? '0';
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset }] });
  } finally {
    await admin.disconnect();
  }
}
