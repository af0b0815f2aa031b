import { expect, test } from 'vitest';
import { createNames } from '../../../src/contracts/names.ts';
import { compileView } from '../../../src/fold/compile-view.ts';
import type { KafkaClient } from '../../../src/infra/kafka.ts';
import { createMemoryOnlineStore } from '../../../src/store/memory-online-store.ts';
import { claimPartition } from '../../../src/store/partition-lease.ts';
import { encodePosition, startPosition, type BackfillProgress } from '../../../src/store/view-position.ts';
import { originDepartures } from '../../support/serving/tiny-project.ts';

const LEASE_MS = 30_000;
const view = compileView(originDepartures);
const states = [{ entityKey: 'ATL', bytes: new Uint8Array([1]) }];
const busy = { code: 'STORE_REBUILD_BUSY' };
const progress = (rows: number): BackfillProgress => ({ cuts: {}, next: {}, rows, events: 0, newestKnownTime: null });

function setUp() {
  const time = { now: 1_000 };
  const clock = () => time.now;
  const store = createMemoryOnlineStore(clock);
  const deps = { store, clock, names: createNames('t'), kafka: {} as KafkaClient };
  const claim = (token: string, backfill?: BackfillProgress) =>
    claimPartition(deps, view, 0, token, () =>
      Promise.resolve(backfill === undefined ? { base: startPosition } : { base: startPosition, backfill }),
    );
  const stored = async () => (await store.readStates([{ program: view, entityKey: 'ATL' }]))[0] ?? null;
  return { time, store, deps, claim, stored, position: async () => (await store.readPositions(view))[0] };
}

test('a lease keeps others out until it ends, and each write renews it', async () => {
  const { time, claim } = setUp();
  const lease = await claim('a');
  time.now += LEASE_MS - 1;
  await expect(claim('b')).rejects.toMatchObject(busy);
  await lease.write([]);
  time.now += LEASE_MS - 1;
  await expect(claim('b')).rejects.toMatchObject(busy);
  time.now += 1;
  await claim('b');
});

test('a lease wants a write long before it ends, and a write puts that off', async () => {
  const { time, claim } = setUp();
  const lease = await claim('a');
  time.now += LEASE_MS / 3;
  expect(lease.isDue).toBe(false);
  time.now += 1;
  expect(lease.isDue).toBe(true);
  await lease.write([]);
  expect(lease.isDue).toBe(false);
});

test('a lease that ended and was taken by another writes no state, and does not finish', async () => {
  const { time, claim, stored, position } = setUp();
  const lost = await claim('a');
  time.now += LEASE_MS;
  await claim('b');
  await expect(lost.write(states)).rejects.toMatchObject(busy);
  await expect(lost.finish(startPosition)).rejects.toMatchObject(busy);
  expect(await stored()).toBeNull();
  expect((await position())?.rebuild?.token).toBe('b');
});

test('the same token takes over at once, and of the two only the later one writes', async () => {
  const { claim, stored, position } = setUp();
  const first = await claim('a', progress(1));
  await first.write([], progress(2));
  const second = await claim('a', progress(2));
  await expect(first.write(states, progress(3))).rejects.toMatchObject(busy);
  expect(await stored()).toBeNull();
  await second.write(states, progress(4));
  expect(second.backfill).toEqual(progress(4));
  expect((await position())?.rebuild?.backfill).toEqual(progress(4));
  expect(await stored()).toEqual(Buffer.from([1]));
});

test('a lease that is finished leaves the position to the live consumer', async () => {
  const { claim, position } = setUp();
  const lease = await claim('a');
  const last = { ...startPosition, viewOffset: 7 };
  await lease.finish(last);
  expect(await position()).toEqual(last);
  await claim('b');
});

test('it is asked again what to begin with where the live consumer wrote in between, and may decline', async () => {
  const { store, deps, position } = setUp();
  const live = { ...startPosition, viewOffset: 3 };
  const found: unknown[] = [];
  const lease = await claimPartition(deps, view, 0, 'a', async (position) => {
    found.push(position);
    if (position !== null) return null;
    await store.writePartition(view, 0, { expected: '', position: encodePosition(live), states: [] });
    return { base: startPosition };
  });
  expect(lease).toBeNull();
  expect(found).toEqual([null, live]);
  expect(await position()).toEqual(live);
});
