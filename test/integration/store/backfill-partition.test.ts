import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { viewKeyOf, type ViewProgram } from '../../../src/fold/compile-view.ts';
import { partitionOf } from '../../../src/fold/partition-of.ts';
import { backfillPartition, type BackfillSlice } from '../../../src/store/backfill-partition.ts';
import { assertEqual, compareView } from '../../../src/store/compare-view.ts';
import { materializePartitions } from '../../../src/store/materialize.ts';
import type { OnlineStore } from '../../../src/store/online-store.ts';
import { removeViewKeys } from '../../../src/store/remove-view.ts';
import { decodePosition } from '../../../src/store/view-position.ts';
import {
  account,
  differences,
  eventually,
  openEventPath,
  payments,
  replayOf,
  type EventPath,
} from '../stream/event-path.ts';
import { testStack } from '../../support/test-stack.ts';
import type { BackfillChildInput } from './backfill-child.ts';

const EVENTS = 400;
const CHUNK = 20;
const LIMIT_MS = 60_000;

let path: EventPath;
beforeAll(async () => {
  path = await openEventPath();
  const ingest = await path.ingest();
  await path.replayer.send(replayOf(payments(EVENTS)));
  await eventually('all stored', async () => (await account(path)).stored === EVENTS);
  await ingest.stop();
});
afterAll(() => path.close());
afterEach(() => path.flushStates());

const slice: BackfillSlice = {
  owner: 'test',
  rowsPerSecond: Number.MAX_SAFE_INTEGER,
  sliceMs: LIMIT_MS,
  chunkOffsets: CHUNK,
};
const deps = (store: OnlineStore = path.store) => ({ ...path, store, clock: Date.now });

/** Events of the log that lie in a partition of the view, by the definitions alone. */
const eventsIn = (program: ViewProgram, partition: number): number =>
  payments(EVENTS).filter(({ payment }) => {
    const key = viewKeyOf(program, { ...payment });
    return key !== null && partitionOf(key, program.partitions) === partition;
  }).length;

/** A store whose process dies at some of its writes: before them, or after them and before their answer. */
function dyingStore(deaths: readonly ('before' | 'after' | null)[]) {
  const chunks: string[] = [];
  let writes = 0;
  const store: OnlineStore = {
    ...path.store,
    async writePartition(program, partition, write) {
      const death = deaths[writes++] ?? null;
      if (death === 'before') throw new Error('killed');
      const from = decodePosition(write.expected).rebuild?.backfill?.next;
      const to = decodePosition(write.position).rebuild?.backfill?.next;
      const done = await path.store.writePartition(program, partition, write);
      if (done && from !== undefined && to !== undefined && JSON.stringify(from) !== JSON.stringify(to))
        chunks.push(`${program.name} ${partition}: ${JSON.stringify(from)}`);
      if (death === 'after') throw new Error('killed');
      return done;
    },
  };
  return { store, chunks };
}

describe('a backfill', () => {
  test('does each chunk once and loses none, wherever it is killed', async () => {
    const death = fc.option(fc.constantFrom('before' as const, 'after' as const), { freq: 2 });
    await fc.assert(
      fc.asyncProperty(fc.array(death, { minLength: 20, maxLength: 60 }), async (deaths) => {
        await path.flushStates();
        const { store, chunks } = dyingStore(deaths);
        for (const program of path.programs) {
          for (let partition = 0; partition < program.partitions; partition++) {
            let filled;
            while (filled === undefined || !filled.done)
              filled = await backfillPartition(deps(store), program, partition, slice).catch((error: unknown) => {
                if (error instanceof Error && error.message === 'killed') return undefined;
                throw error;
              });
          }
        }
        expect(new Set(chunks).size).toBe(chunks.length);
        expect(await differences(path, payments(EVENTS))).toEqual([]);
      }),
      { numRuns: 5 },
    );
  });

  test('counts each event once, in slices as short as one chunk', async () => {
    for (const program of path.programs) {
      for (let partition = 0; partition < program.partitions; partition++) {
        let filled = await backfillPartition(deps(), program, partition, { ...slice, sliceMs: 0 });
        expect(filled).toMatchObject({ done: false, rows: 0, rowsInAll: EVENTS });
        while (!filled.done) {
          const before = filled;
          filled = await backfillPartition(deps(), program, partition, { ...slice, sliceMs: 1 });
          expect(filled.rows).toBeGreaterThanOrEqual(before.rows);
        }
        expect(filled).toMatchObject({ rows: EVENTS, events: eventsIn(program, partition) });
      }
    }
    expect(await differences(path, payments(EVENTS))).toEqual([]);
    // What is filled is left alone.
    expect((await backfillPartition(deps(), path.programs[0]!, 0, slice)).done).toBe(true);
  });

  test('goes on in another process after kill -9, and live events go on from there', async () => {
    const input: BackfillChildInput = {
      postgresUrl: path.url,
      namespace: path.names.namespace,
      redisUrl: testStack().redisUrl,
      kafkaBrokers: testStack().kafkaBrokers,
      view: path.programs[0]!.name,
      slice: { ...slice, rowsPerSecond: 200 },
    };
    const child = fork(fileURLToPath(new URL('./backfill-child.ts', import.meta.url)), [JSON.stringify(input)], {
      execArgv: ['--import', import.meta.resolve('tsx')],
    });
    const program = path.programs[0]!;
    await eventually('some chunks', async () => {
      const { rebuild } = decodePosition(await path.store.readPositionText(program, 0));
      return (rebuild?.backfill?.rows ?? 0) >= 2 * CHUNK;
    });
    child.kill('SIGKILL');
    await once(child, 'exit');
    const left = decodePosition(await path.store.readPositionText(program, 0)).rebuild?.backfill;
    expect(left?.rows).toBeLessThan(EVENTS);
    const filled = await backfillPartition(deps(), program, 0, slice);
    expect(filled).toEqual({ done: true, rows: EVENTS, rowsInAll: EVENTS, events: eventsIn(program, 0) });
    for (const [i, other] of path.programs.entries())
      for (let partition = 0; partition < other.partitions; partition++)
        if (i > 0 || partition > 0) await backfillPartition(deps(), other, partition, slice);

    const ingest = await path.ingest();
    const fold = await path.fold();
    const offsets = await path.replayer.send(replayOf(payments(100, EVENTS)));
    await path.store.waitVisible(path.programs, offsets, LIMIT_MS);
    expect(await differences(path, payments(EVENTS + 100))).toEqual([]);
    for (const each of path.programs) {
      const compared = await compareView(deps(), each, null);
      expect(compared).toMatchObject({ differing: 0, keysLeftOut: 0 });
      expect(compared.keys).toBe(each === program ? 23 : 5);
    }
    await ingest.stop();
    await fold.stop();
  });

  test('does not let two write: a rebuild by somebody else is STORE_REBUILD_BUSY, and so is one whose lease was taken', async () => {
    const program = path.programs[0]!;
    await backfillPartition(deps(), program, 0, { ...slice, sliceMs: 1 });
    await expect(backfillPartition(deps(), program, 0, { ...slice, owner: 'another' })).rejects.toMatchObject({
      code: 'STORE_REBUILD_BUSY',
    });
    expect(await materializePartitions(deps(), program, [0])).toEqual({ keys: 0, events: 0, busy: [0] });
    // The same owner again, while its first self still writes: the first one is told at its next chunk.
    // It may be told before the second one is done: who expects it has to listen by then.
    const first = expect(
      backfillPartition(deps(), program, 0, { ...slice, rowsPerSecond: 100 }),
    ).rejects.toMatchObject({ code: 'STORE_REBUILD_BUSY' });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const second = await backfillPartition(deps(), program, 0, slice);
    expect(second.done).toBe(true);
    await first;
  });

  test('reads no more rows a second than it may', async () => {
    const startedAt = performance.now();
    await backfillPartition(deps(), path.programs[0]!, 0, { ...slice, rowsPerSecond: 400 });
    expect(performance.now() - startedAt).toBeGreaterThan(((EVENTS - CHUNK) / 400) * 1_000);
  });

  test('that filled a state wrongly is found out: FEATURE_VIEW_UNEQUAL names feature, key, moment and both values', async () => {
    const program = path.programs[0]!;
    const spoilt: OnlineStore = {
      ...path.store,
      readStates: async (reads) => {
        const found = await path.store.readStates(reads);
        // Two keys have each other's states.
        return found.length < 2 ? found : [found[1] ?? null, found[0] ?? null, ...found.slice(2)];
      },
    };
    for (let partition = 0; partition < program.partitions; partition++)
      await backfillPartition(deps(), program, partition, slice);
    const compared = await compareView(deps(spoilt), program, null);
    expect(compared.differing).toBeGreaterThan(0);
    expect(() => {
      assertEqual(program, compared);
    }).toThrow(
      expect.objectContaining({
        code: 'FEATURE_VIEW_UNEQUAL',
        message: expect.stringMatching(/count1h|sum24h|mean24h|declined24h|last24h/) as unknown,
      }) as Error,
    );
    // A key whose state is lost is held against the rows that its partition has seen.
    await path.redis.del(path.names.stateKey(program.name, 1, partitionOf('card-1', program.partitions), 'card-1'));
    const lost = await compareView(deps(), program, null);
    expect(new Set(lost.differences.map(({ entityKey }) => entityKey))).toEqual(new Set(['card-1']));
    const whileGone = (step: (tx: typeof path.postgres) => Promise<unknown>) => step(path.postgres).then(() => true);
    expect(await removeViewKeys(path.redis, path.names, program.name, 1, whileGone)).toBeGreaterThan(20);
    expect(await removeViewKeys(path.redis, path.names, program.name, 1, whileGone)).toBe(0);
  });
});
