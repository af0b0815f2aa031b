import { describe, expect, it } from 'vitest';
import { entity } from '../../../src/define/entity.ts';
import { featureView } from '../../../src/define/feature-view.ts';
import { string, timestamp } from '../../../src/define/field.ts';
import { source } from '../../../src/define/source.ts';
import { compileView } from '../../../src/fold/compile-view.ts';
import { createMemoryOnlineStore } from '../../../src/store/memory-online-store.ts';
import { claimPartition, LEASE_MS, type LeaseStart } from '../../../src/store/partition-lease.ts';
import { decodePosition, encodePosition, startPosition, type BackfillProgress } from '../../../src/store/view-position.ts';

const view = featureView({
  name: 'shop_sales',
  entity: entity({ name: 'shop', keys: ['shop'] }),
  source: source({ name: 'sales', schema: { id: string(), shop: string(), at: timestamp() }, id: 'id', eventTime: 'at' }),
  features: (a) => ({ sales1h: a.count({ window: '1h' }) }),
});
const program = compileView(view);
const base = { viewOffset: 7, watermarks: { 0: 3 }, newestKnownTime: 5 };
const progress: BackfillProgress = { cuts: { 0: 9 }, next: { 0: 0 }, rows: 0, events: 0, newestKnownTime: null };

function setUp() {
  const now = { value: 1_000_000 };
  const deps = { store: createMemoryOnlineStore(() => now.value), clock: () => now.value };
  const position = async () => decodePosition(await deps.store.readPositionText(program, 0));
  const put = async (next: typeof base) => {
    const expected = await deps.store.readPositionText(program, 0);
    return deps.store.writePartition(program, 0, { expected, position: encodePosition(next), states: [] });
  };
  const claim = (token: string, start: LeaseStart = { base }) => claimPartition(deps, program, 0, token, () => Promise.resolve(start));
  return { now, deps, position, put, claim };
}

describe('the lease of a view partition', () => {
  it('stands in the position until it ends with another one', async () => {
    const { now, position, claim } = setUp();
    const lease = await claim('a', { base, backfill: progress });
    expect((await position()).rebuild).toMatchObject({ token: 'a', until: now.value + LEASE_MS, step: 0, backfill: progress });
    now.value += 500;
    await lease.write([{ entityKey: 's1', bytes: Buffer.of(1) }], { ...progress, rows: 4 });
    expect((await position()).rebuild).toMatchObject({ until: now.value + LEASE_MS, step: 1, backfill: { rows: 4 } });
    await lease.write([]);
    expect(lease.backfill?.rows).toBe(4);
    await lease.finish({ ...base, viewOffset: 9 });
    expect(await position()).toEqual({ ...base, viewOffset: 9 });
  });

  it('is nobody else\'s while it lasts, and anybody\'s once it has ended; its writes are refused then', async () => {
    const { now, claim } = setUp();
    const first = await claim('a');
    await expect(claim('b')).rejects.toMatchObject({ code: 'STORE_REBUILD_BUSY' });
    now.value += LEASE_MS + 1;
    const second = await claim('b');
    await expect(first.write([])).rejects.toMatchObject({ code: 'STORE_REBUILD_BUSY' });
    await expect(first.finish(base)).rejects.toMatchObject({ code: 'STORE_REBUILD_BUSY' });
    await second.write([]);
  });

  it('is taken over at once by its own token, and its former holder writes no more', async () => {
    const { claim } = setUp();
    const dead = await claim('a');
    const alive = await claim('a');
    await expect(dead.write([])).rejects.toMatchObject({ code: 'STORE_REBUILD_BUSY' });
    await alive.write([]);
  });

  it('is due for a write long before it ends', async () => {
    const { now, claim } = setUp();
    const lease = await claim('a');
    expect(lease.isDue).toBe(false);
    now.value += LEASE_MS / 2;
    expect(lease.isDue).toBe(true);
    await lease.write([]);
    expect(lease.isDue).toBe(false);
  });

  it('begins anew where the live consumer wrote in between, and nowhere where there is nothing to do', async () => {
    const { deps, put } = setUp();
    await put(base);
    const seen: (number | null)[] = [];
    const lease = await claimPartition(deps, program, 0, 'a', async (found) => {
      seen.push(found?.viewOffset ?? null);
      if (seen.length === 1) await put({ ...base, viewOffset: 8 });
      return { base: { ...startPosition, viewOffset: found?.viewOffset ?? -1 } };
    });
    expect([seen, lease.base.viewOffset]).toEqual([[7, 8], 8]);
    expect(await claimPartition(deps, program, 1, 'a', () => Promise.resolve(null))).toBeNull();
    expect(await deps.store.readPositionText(program, 1)).toBe('');
  });

  it('gives up where the live consumer writes without a pause', async () => {
    const { deps, put } = setUp();
    let offset = 0;
    const begin = async () => {
      await put({ ...base, viewOffset: offset++ });
      return { base };
    };
    await expect(claimPartition(deps, program, 0, 'a', begin)).rejects.toMatchObject({ code: 'STORE_REBUILD_BUSY' });
  });
});
