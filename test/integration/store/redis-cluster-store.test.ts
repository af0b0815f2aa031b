import { afterAll, beforeAll, expect, test } from 'vitest';
import { createNames } from '../../../src/contracts/names.ts';
import { compileView } from '../../../src/fold/compile-view.ts';
import { partitionOf } from '../../../src/fold/partition-of.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { createRedis, redisReady, type Redis, type RedisRole } from '../../../src/infra/redis.ts';
import { createOnlineStore, type OnlineStore } from '../../../src/store/online-store.ts';
import { readKeys } from '../../../src/store/read-keys.ts';
import { removeViewKeys } from '../../../src/store/remove-view.ts';
import { ABSENT_POSITION, encodePosition, startPosition } from '../../../src/store/view-position.ts';
import { originDepartures } from '../../support/serving/tiny-project.ts';
import { describeOnlineStore } from '../../support/store/online-store-contract.ts';
import { startRedisCluster, type RedisCluster } from '../../support/store/redis-cluster.ts';
import { testPrefix } from '../../support/test-stack.ts';

const PARTITIONS = 24;
const KEYS = 400;
/** Twenty-four partitions lie in as many slots, on all three nodes. */
const program = { ...compileView(originDepartures), partitions: PARTITIONS };
const keys = Array.from({ length: KEYS }, (_, i) => `K${i}`);
const keysOf = (partition: number): string[] => keys.filter((key) => partitionOf(key, PARTITIONS) === partition);

/** A key of the partition that no other step has. */
function newKeyOf(partition: number, step: number): string {
  for (let i = 0; ; i++) {
    const key = `N${step}.${i}`;
    if (partitionOf(key, PARTITIONS) === partition) return key;
  }
}

let cluster: RedisCluster;
const clients: Redis[] = [];
beforeAll(async () => {
  cluster = await startRedisCluster();
});
afterAll(async () => {
  for (const client of clients) client.disconnect();
  await cluster.stop();
});

async function openStore(prefix: string, role: RedisRole = 'write', url = cluster.url): Promise<OnlineStore> {
  const redis = createRedis({ url, role, logger: createLogger('test', 'silent') });
  clients.push(redis);
  await redisReady(redis);
  return createOnlineStore(redis, createNames(prefix));
}

describeOnlineStore('in Redis Cluster', () => openStore(testPrefix()));

const positionAt = (viewOffset: number): string => encodePosition({ ...startPosition, viewOffset, watermarks: { 0: viewOffset } });

/** The one writer of a partition: each step writes all of its keys, and a new one, with a position. */
class Writer {
  readonly written = new Map<string, string>();
  readonly #partition: number;
  readonly #store: OnlineStore;
  #step = 0;
  #position = ABSENT_POSITION;

  constructor(store: OnlineStore, partition: number) {
    this.#store = store;
    this.#partition = partition;
  }

  get position(): string {
    return this.#position;
  }

  async write(): Promise<void> {
    const position = positionAt(++this.#step);
    const states = [...keysOf(this.#partition), newKeyOf(this.#partition, this.#step)].map((entityKey) => ({ entityKey, text: `${entityKey}@${this.#step}` }));
    const expected = this.#position;
    const bytes = states.map(({ entityKey, text }) => ({ entityKey, bytes: Buffer.from(text) }));
    for (;;) {
      try {
        expect(await this.#store.writePartition(program, this.#partition, { expected, position, states: bytes })).toBe(true);
        break;
      } catch (error) {
        // An unknown outcome: the same write again is no second one.
        expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE' });
      }
    }
    this.#position = position;
    for (const { entityKey, text } of states) this.written.set(entityKey, text);
  }
}

const textsOf = async (store: OnlineStore, wanted: readonly string[]) =>
  (await store.readStates(wanted.map((entityKey) => ({ program, entityKey })))).map((bytes) => bytes?.toString() ?? null);

test('one read gathers states of all nodes, in the order asked for', async () => {
  const store = await openStore(testPrefix());
  const writers = Array.from({ length: PARTITIONS }, (_, partition) => new Writer(store, partition));
  await Promise.all(writers.map((writer) => writer.write()));
  const owners = await Promise.all(
    writers.map((_, partition) => cluster.ownerOf(createNames('any').positionKey(program.name, program.version, partition))),
  );
  expect(new Set(owners).size).toBe(3);
  const wanted = [...keys.toReversed(), 'never written', ...keys.slice(0, 5)];
  expect(await textsOf(store, wanted)).toEqual(wanted.map((key) => (key === 'never written' ? null : `${key}@1`)));
  expect((await store.readPositions(program)).map(({ viewOffset }) => viewOffset)).toEqual(Array(PARTITIONS).fill(1));
});

test('one node is enough to find the others, if it is said to be one', async () => {
  const prefix = testPrefix();
  await new Writer(await openStore(prefix), 0).write();
  const [first] = cluster.url.split(',');
  const store = await openStore(prefix, 'read', `${first}?cluster=true`);
  expect(await textsOf(store, keysOf(0))).toEqual(keysOf(0).map((key) => `${key}@1`));
});

test('reads go on while a slot moves, writes wait for it, and nothing is lost', async () => {
  const prefix = testPrefix();
  const store = await openStore(prefix);
  const reader = await openStore(prefix, 'read');
  const writer = new Writer(store, 3);
  await writer.write();
  const own = keysOf(3);
  const before = own.map((key) => `${key}@1`);
  const key = createNames(prefix).positionKey(program.name, program.version, 3);
  const from = await cluster.ownerOf(key);
  const to = cluster.nodes.find((node) => node !== from)!;
  let waiting: Promise<void> | undefined;
  await cluster.moveSlot(key, to, async () => {
    // Some of these are on either side, and one nowhere: a command with all of them is refused by both.
    for (let i = 0; i < 20; i++) expect(await textsOf(reader, [...own, 'never written 3'])).toEqual([...before, null]);
    expect(await reader.readPositionText(program, 3)).toBe(positionAt(1));
    waiting = writer.write();
  });
  await waiting;
  expect(await cluster.ownerOf(key)).toBe(to);
  for (let i = 0; i < 5; i++) await writer.write();
  expect(await textsOf(reader, [...writer.written.keys()])).toEqual([...writer.written.values()]);
  expect(await reader.readPositionText(program, 3)).toBe(writer.position);
});

test('a node that crashes is STORE_UNAVAILABLE for its partitions until it is back, with all that it had acknowledged', async () => {
  const prefix = testPrefix();
  const store = await openStore(prefix);
  const reader = await openStore(prefix, 'read');
  const writers = Array.from({ length: PARTITIONS }, (_, partition) => new Writer(store, partition));
  await Promise.all(writers.map((writer) => writer.write()));
  const node = await cluster.ownerOf(createNames(prefix).positionKey(program.name, program.version, 0));
  let stopped = false;
  const writing = writers.map(async (writer) => {
    while (!stopped) await writer.write();
  });
  await cluster.crash(node, async () => {
    const startedAt = performance.now();
    await expect(textsOf(reader, keysOf(0))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
  stopped = true;
  await Promise.all(writing);
  await Promise.all(writers.map((writer) => writer.write()));
  for (const [partition, writer] of writers.entries()) {
    expect(await reader.readPositionText(program, partition)).toBe(writer.position);
    expect(await textsOf(reader, [...writer.written.keys()])).toEqual([...writer.written.values()]);
  }
});

test('all keys of a version are removed, on whichever node they are, and no others', async () => {
  const names = createNames(testPrefix());
  const redis = createRedis({ url: cluster.url, role: 'write', logger: createLogger('test', 'silent') });
  clients.push(redis);
  await redisReady(redis);
  const keysOfVersion = (version: number) =>
    keys.map((key) => names.stateKey(program.name, version, partitionOf(key, PARTITIONS), key));
  for (const key of [...keysOfVersion(1), ...keysOfVersion(2)]) await redis.set(key, 'state');
  const cameBack = () => Promise.resolve(false);
  expect(await removeViewKeys(redis, names, program.name, 1, cameBack)).toBe(0);
  const whileGone = (step: (tx: never) => Promise<unknown>) => step(undefined as never).then(() => true);
  expect(await removeViewKeys(redis, names, program.name, 1, whileGone)).toBe(KEYS);
  const left = await Promise.all([1, 2].map((version) => readKeys(redis, keysOfVersion(version))));
  expect(left.map((values) => values.filter((value) => value !== null).length)).toEqual([0, KEYS]);
});
