import { Kafka, logLevel } from 'kafkajs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { InvariantViolation } from '../../../src/core/assert-invariant.ts';
import type { ViewProgram } from '../../../src/fold/compile-view.ts';
import type { KafkaClient } from '../../../src/infra/kafka.ts';
import { decodePosition, encodePosition } from '../../../src/store/view-position.ts';
import type { Failpoints } from '../../../src/stream/failpoints.ts';
import { testStack } from '../../support/test-stack.ts';
import {
  account,
  differences,
  eventually,
  openEventPath,
  payments,
  replayOf,
  type EventPath,
} from './event-path.ts';

const TIMEOUT_MS = 40_000;

/** Ends a consumer at its nth pass, as a crash does: what was done is done, nothing after it is. */
function crashOnce(nth: number): { point: () => void; crashed: Promise<void> } {
  let passes = 0;
  let resolve: () => void = () => undefined;
  const crashed = new Promise<void>((done) => (resolve = done));
  return {
    crashed,
    point: () => {
      if (++passes !== nth) return;
      resolve();
      throw new InvariantViolation('crash asked for by the test');
    },
  };
}

/** A client whose consumers do not hear some of the seeks that they are asked for. */
const losingSeeks = (kafka: KafkaClient, isLost: () => boolean): KafkaClient => ({
  ...kafka,
  async startConsumer(options) {
    const consumer = await kafka.startConsumer(options);
    return {
      ...consumer,
      seek: (of, offset) => {
        if (!isLost()) consumer.seek(of, offset);
      },
    };
  },
});

describe('the event path under faults', () => {
  let path: EventPath;
  beforeEach(async () => {
    path = await openEventPath();
  });
  afterEach(() => path.close());

  const sendAll = async (
    count: number,
    chunk: number,
    from = 0,
  ): Promise<Awaited<ReturnType<EventPath['replayer']['send']>>> => {
    const all = payments(count, from);
    let last: Awaited<ReturnType<EventPath['replayer']['send']>> = [];
    const offsets = new Map<number, (typeof last)[number]>();
    for (let i = 0; i < all.length; i += chunk) {
      last = await path.replayer.send(replayOf(all.slice(i, i + chunk)));
      for (const offset of last) offsets.set(offset.partition, offset);
    }
    return [...offsets.values()];
  };
  const expectExact = async (count: number): Promise<void> => {
    expect(await differences(path, payments(count))).toEqual([]);
    await eventually('all stored', async () => (await account(path)).stored === count);
    // The sender's client may send some twice: whatever the topic holds is accounted for.
    const offsets = await path.kafka.topicOffsets(path.names.sourceTopic('payment'));
    const sent = offsets.reduce((sum, { end }) => sum + end, 0);
    await eventually('all accounted for', async () => (await account(path)).duplicates === sent - count);
    expect(await account(path)).toEqual({
      stored: count,
      duplicates: sent - count,
      deadLetters: 0,
      rows: count,
    });
  };

  for (const name of ['afterFramesSent', 'afterLogCommitted'] as const) {
    test(`a crash of ingest at ${name} loses nothing and counts nothing twice`, async () => {
      const crash = crashOnce(2);
      const failpoints: Failpoints = { [name]: crash.point };
      await path.fold();
      const first = await path.ingest(failpoints);
      const sending = sendAll(400, 40);
      await crash.crashed;
      await expect(first.ended).rejects.toThrow(/crash asked for/);
      await first.stop();
      await path.ingest();
      await path.store.waitVisible(path.programs, await sending, TIMEOUT_MS);
      await expectExact(400);
    });
  }

  for (const name of ['beforeStatesWritten', 'afterStatesWritten'] as const) {
    test(`a crash of the fold at ${name} loses nothing and counts nothing twice`, async () => {
      const crash = crashOnce(3);
      await path.ingest();
      const first = await path.fold({ [name]: crash.point });
      const sending = sendAll(400, 40);
      await crash.crashed;
      await expect(first.ended).rejects.toThrow(/crash asked for/);
      await first.stop();
      await path.fold();
      await path.store.waitVisible(path.programs, await sending, TIMEOUT_MS);
      await expectExact(400);
    });
  }

  test('a member that hung past its session and wakes up is refused by the position', async () => {
    let wake: () => void = () => undefined;
    const asleep = new Promise<void>((resolve) => (wake = resolve));
    let hangs = 0;
    await path.fold();
    const zombie = await path.ingest({ afterFramesSent: () => (++hangs <= 3 ? asleep : undefined) });
    const offsets = await sendAll(200, 200);
    await eventually('the first member hangs', async () => hangs > 0);
    await path.ingest();
    await eventually('its successor has stored all', async () => (await account(path)).stored === 200);
    wake();
    await path.store.waitVisible(path.programs, offsets, TIMEOUT_MS);
    const more = await sendAll(100, 20, 200);
    await path.store.waitVisible(path.programs, more, TIMEOUT_MS);
    await expectExact(300);
    await zombie.stop();
  });

  test('a Redis that was flushed while nothing came in is filled again', async () => {
    await path.ingest();
    await path.fold();
    const offsets = await sendAll(300, 30);
    await path.store.waitVisible(path.programs, offsets, TIMEOUT_MS);
    await path.flushStates();
    await path.store.waitVisible(path.programs, offsets, TIMEOUT_MS);
    await expectExact(300);
  });

  test('a seek that the driver loses while nothing comes in is asked for again', async () => {
    await path.ingest();
    let lost = 0;
    await path.fold({}, { stallCheckMs: 200, kafka: losingSeeks(path.kafka, () => lost++ < path.programs.length) });
    const offsets = await sendAll(300, 30);
    await path.store.waitVisible(path.programs, offsets, TIMEOUT_MS);
    await path.flushStates();
    await path.store.waitVisible(path.programs, offsets, TIMEOUT_MS);
    expect(lost).toBeGreaterThan(path.programs.length);
    await expectExact(300);
  });

  test('a consumer that gets nothing, however often it is asked, is given up, and the next one goes on', async () => {
    await path.ingest();
    const deaf = await path.fold({}, { stallCheckMs: 100, kafka: losingSeeks(path.kafka, () => true) });
    const offsets = await sendAll(300, 30);
    await path.store.waitVisible(path.programs, offsets, TIMEOUT_MS);
    await path.flushStates();
    await expect(deaf.ended).rejects.toMatchObject({ code: 'STREAM_CONSUMER_HANGS' });
    await deaf.stop();
    await path.fold();
    await path.store.waitVisible(path.programs, offsets, TIMEOUT_MS);
    await expectExact(300);
  });

  test('a Redis that was flushed under load is filled again', async () => {
    await path.ingest();
    await path.fold();
    await path.store.waitVisible(path.programs, await sendAll(200, 20), TIMEOUT_MS);
    const sending = sendAll(400, 10, 200);
    await path.flushStates();
    await path.store.waitVisible(path.programs, await sending, TIMEOUT_MS);
    await expectExact(600);
  });

  test('a Redis that was restored from an older dump catches up', async () => {
    await path.ingest();
    await path.fold();
    await path.store.waitVisible(path.programs, await sendAll(200, 20), TIMEOUT_MS);
    const keys = await path.redis.keys(`${path.names.namespace}:*`);
    const dump = await Promise.all(keys.map((key) => path.redis.getBuffer(key)));
    await path.store.waitVisible(path.programs, await sendAll(200, 20, 200), TIMEOUT_MS);
    await path.flushStates();
    await path.redis.mset(...keys.flatMap((key, i) => [key, dump[i] as Buffer]));
    const offsets = await sendAll(100, 20, 400);
    await path.store.waitVisible(path.programs, offsets, TIMEOUT_MS);
    await expectExact(500);
  });

  test('where Redis is lost and Kafka has dropped the frames, the offline log rebuilds the states', async () => {
    await path.ingest();
    const fold = await path.fold();
    await path.store.waitVisible(path.programs, await sendAll(300, 30), TIMEOUT_MS);
    await eventually('all stored', async () => (await account(path)).stored === 300);
    await fold.stop();
    await dropFrames(path);
    await path.flushStates();
    await path.fold();
    const offsets = await sendAll(100, 10, 300);
    await path.store.waitVisible(path.programs, offsets, TIMEOUT_MS);
    await expectExact(400);
  });

  test('where Redis is lost while nothing comes in and Kafka has dropped the frames, all partitions are rebuilt', async () => {
    await path.ingest();
    await path.fold();
    const offsets = await sendAll(300, 30);
    await path.store.waitVisible(path.programs, offsets, TIMEOUT_MS);
    await eventually('all stored', async () => (await account(path)).stored === 300);
    await dropFrames(path);
    await path.flushStates();
    await path.store.waitVisible(path.programs, offsets, TIMEOUT_MS);
    await expectExact(300);
  });

  test('the lease of a rebuild that died is taken over, also while nothing comes in', async () => {
    await path.ingest();
    await path.fold();
    const offsets = await sendAll(300, 30);
    await path.store.waitVisible(path.programs, offsets, TIMEOUT_MS);
    await eventually('all stored', async () => (await account(path)).stored === 300);
    for (const program of path.programs) await leaveDeadRebuild(path, program);
    await path.store.waitVisible(path.programs, offsets, TIMEOUT_MS);
    await expectExact(300);
  });

  test('what a crash of Postgres takes back is stored again, also while nothing comes in', async () => {
    await path.ingest();
    await path.fold();
    const offsets = await sendAll(200, 20);
    await path.store.waitVisible(path.programs, offsets, TIMEOUT_MS);
    await eventually('all stored', async () => (await account(path)).stored === 200);
    await takeBack(path, 20);
    await eventually('all stored again', async () => (await account(path)).rows === 200);
    await expectExact(200);
  });
});

/** As a rebuild leaves a view that is killed half-way: old states gone or half there, its lease at an end. */
async function leaveDeadRebuild(path: EventPath, program: ViewProgram): Promise<void> {
  for (let partition = 0; partition < program.partitions; partition++) {
    const states = await path.redis.keys(path.names.stateKey(program.name, program.version, partition, '*'));
    if (states.length > 0) await path.redis.del(states);
    const position = await path.store.readPositionText(program, partition);
    const rebuild = { token: 'dead', claim: 'c', until: Date.now() - 1, step: 1 };
    await path.redis.set(
      path.names.positionKey(program.name, program.version, partition),
      encodePosition({ ...decodePosition(position), watermarks: {}, rebuild }),
    );
  }
}

/** Undoes the last events of each source partition as a crash undoes transactions: rows, position and account together. */
async function takeBack(path: EventPath, offsets: number): Promise<void> {
  await path.postgres.transaction(async (tx) => {
    await tx.query(
      `UPDATE millrace.ingest_positions SET next_offset = next_offset - $1, stored = stored - $1`,
      [offsets],
    );
    await tx.query(
      `DELETE FROM log.payment AS e USING millrace.ingest_positions AS p
       WHERE e.source_partition = p.partition AND e.source_offset >= p.next_offset`,
    );
  });
}

async function dropFrames(path: EventPath): Promise<void> {
  const kafka = new Kafka({
    brokers: testStack().kafkaBrokers,
    clientId: 'test',
    logLevel: logLevel.NOTHING,
  });
  const admin = kafka.admin();
  await admin.connect();
  try {
    for (const program of path.programs) {
      const topic = path.names.viewTopic(program.name, program.version);
      const partitions = (await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => ({
        partition,
        offset: high,
      }));
      await admin.deleteTopicRecords({ topic, partitions });
    }
  } finally {
    await admin.disconnect();
  }
}
