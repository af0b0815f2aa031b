import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EVENT_BYTES_MAX } from '../../../src/stream/parse-message.ts';
import { account, eventually, openEventPath, payments, START, type EventPath } from './event-path.ts';

const good = JSON.stringify(payments(1)[0]?.payment);
const known = { 'millrace-known-time': String(START) };
const event = (change: object): string => JSON.stringify({ ...payments(1)[0]?.payment, ...change });

const poison: readonly {
  what: string;
  value: string | Buffer | null;
  headers?: Record<string, string>;
  code: string;
}[] = [
  { what: 'a tombstone', value: null, code: 'STREAM_EVENT_MALFORMED' },
  { what: 'an empty message', value: '', code: 'STREAM_EVENT_MALFORMED' },
  { what: 'no JSON', value: '{"paymentId":', code: 'STREAM_EVENT_MALFORMED' },
  { what: 'no UTF-8', value: Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), code: 'STREAM_EVENT_MALFORMED' },
  { what: 'a million brackets', value: '['.repeat(200_000), code: 'STREAM_EVENT_MALFORMED' },
  { what: 'an array', value: `[${good}]`, code: 'STREAM_EVENT_INVALID' },
  { what: 'null', value: 'null', code: 'STREAM_EVENT_INVALID' },
  { what: 'missing fields', value: '{"paymentId":"x"}', code: 'STREAM_EVENT_INVALID' },
  { what: 'NUL in a text', value: event({ shopId: 'a\u0000b' }), code: 'STREAM_EVENT_INVALID' },
  { what: 'half a surrogate pair', value: event({ shopId: '\ud800' }), code: 'STREAM_EVENT_INVALID' },
  {
    what: 'a number beyond all bounds',
    value: good.replace(/"amount":[\d.]+/, '"amount":1e400'),
    code: 'STREAM_EVENT_INVALID',
  },
  {
    what: 'an id that no index takes',
    value: event({ paymentId: 'x'.repeat(4_000) }),
    code: 'STREAM_EVENT_INVALID',
  },
  {
    what: 'a time before PostgreSQL',
    value: event({ paidAt: -8_000_000_000_000_000 }),
    code: 'STREAM_EVENT_INVALID',
  },
  {
    what: 'a wrong known time',
    value: good,
    headers: { 'millrace-known-time': 'yesterday' },
    code: 'STREAM_EVENT_INVALID',
  },
  { what: 'an event of the future', value: event({ paidAt: START + 3_600_000 }), code: 'STREAM_EVENT_EARLY' },
  {
    what: 'an oversized event',
    value: event({ note: 'x'.repeat(EVENT_BYTES_MAX) }),
    code: 'STREAM_EVENT_OVERSIZED',
  },
];

describe('dead letters', () => {
  let path: EventPath;
  beforeAll(async () => {
    path = await openEventPath();
    await path.ingest();
    await path.fold();
    const producer = await path.kafka.createProducer();
    const topic = path.names.sourceTopic('payment');
    await producer.send([
      ...poison.map(({ value, headers }) => ({ topic, partition: 1, value, headers: headers ?? known })),
      { topic, partition: 1, value: good, headers: known },
    ]);
    await producer.close();
    await path.store.waitVisible(
      path.programs,
      [{ sourceName: 'payment', partition: 1, offset: poison.length }],
      30_000,
    );
    await eventually('the position moved', async () => (await account(path)).stored === 1);
  });
  afterAll(() => path.close());

  test.each(poison.map(({ what, code }, offset) => ({ what, code, offset })))(
    '$what is $code with its coordinates',
    async ({ code, offset }) => {
      const rows = await path.postgres.query<{ code: string; message: string }>(
        'SELECT code, message FROM millrace.dead_letters WHERE source = $1 AND partition = 1 AND source_offset = $2',
        ['payment', offset],
      );
      expect(rows.map((row) => row.code)).toEqual([code]);
      expect(rows[0]?.message).toMatch(/^Event of source 'payment': /);
    },
  );

  test('all problems of an event are named at once', async () => {
    const [row] = await path.postgres.query<{ message: string }>(
      'SELECT message FROM millrace.dead_letters WHERE source_offset = $1',
      [poison.findIndex(({ what }) => what === 'missing fields')],
    );
    for (const field of ['shopId', 'amount', 'paidAt']) expect(row?.message).toContain(`'${field}'`);
  });

  test('the balance holds: stored, duplicates and dead letters are all that was sent', async () => {
    expect(await account(path)).toEqual({ stored: 1, duplicates: 0, deadLetters: poison.length, rows: 1 });
  });

  test('each dead letter is in the dead-letter topic', async () => {
    const offsets = await path.kafka.topicOffsets(path.names.deadLetterTopic('payment'));
    expect(offsets.map((o) => o.end)).toEqual([0, poison.length, 0]);
  });
});

test('more bytes of dead letters than a broker takes at once are all kept, and events behind them come through', async () => {
  const COUNT = 2_500;
  const path = await openEventPath();
  try {
    await path.ingest();
    await path.fold();
    const producer = await path.kafka.createProducer();
    const topic = path.names.sourceTopic('payment');
    const bad = Array.from({ length: COUNT }, (_, i) => ({ topic, partition: 1, value: `{${i}${'x'.repeat(1_500)}`, headers: known }));
    await producer.send([...bad, { topic, partition: 1, value: good, headers: known }]);
    await producer.close();
    await path.store.waitVisible(path.programs, [{ sourceName: 'payment', partition: 1, offset: COUNT }], 30_000);
    const stored = async (): Promise<number> => Number((await path.postgres.query<{ count: string }>('SELECT count(*) FROM millrace.dead_letters'))[0]?.count);
    // What is visible left for Kafka before the log's transaction ended.
    await eventually('all letters stored', async () => (await stored()) >= COUNT);
    const letters = await path.kafka.topicOffsets(path.names.deadLetterTopic('payment'));
    expect([await stored(), letters.reduce((sum, { end }) => sum + end, 0)]).toEqual([COUNT, COUNT]);
  } finally {
    await path.close();
  }
});
