import { afterEach, describe, expect, it } from 'vitest';
import type { Allocation } from '../../../src/contracts/allocation.ts';
import { MillraceError } from '../../../src/core/millrace-error.ts';
import { compileService } from '../../../src/fold/compile-service.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { systemTimers } from '../../../serving/batcher/timers.ts';
import { ModelRouter, type RouterStatus } from '../../../serving/router/model-router.ts';
import { ServingVersion } from '../../../serving/router/serving-version.ts';
import { signatureOf } from '../../support/serving/signature.ts';
import { delayModel } from '../../support/serving/tiny-project.ts';

const program = compileService(delayModel.service);
let revision = 0;
const allocate = (champion: number | null, over: Partial<Allocation> = {}): Allocation => ({
  model: 'm',
  revision: ++revision,
  champion,
  canary: null,
  shadow: null,
  ...over,
});

/** A router whose versions load when the test says so; a version's every score is its number. */
function setUp() {
  const loads = new Map<number, { resolve: () => void; reject: (error: unknown) => void }>();
  const closed: number[] = [];
  const statuses: RouterStatus[] = [];
  const build = (version: number) =>
    new ServingVersion({
      platform: 'onnxruntime_onnx',
      version,
      digest: `digest-${version}`,
      program,
      signature: signatureOf({ numericNames: ['a'] }),
      cache: null,
    warm: {
        session: {
          placement: 'child',
          provider: 'cpu',
          run: async (_features, rows) => {
            await new Promise((resolve) => setTimeout(resolve, 5));
            return new Float32Array(rows).fill(version);
          },
          close: async () => void closed.push(version),
        },
        instances: 1,
        batchMs: 1,
        batchesAtOnce: 1,
        handOverMs: 1,
        goldenDifference: 0,
      },
      queueRowsMax: 64,
      minimumWaitMs: 0,
      timers: systemTimers,
    });
  const router = new ModelRouter<ServingVersion>({
    model: 'm',
    logger: createLogger('test', 'silent'),
    onStatus: (status) => statuses.push(status),
    loadVersion: (version) =>
      new Promise((resolve, reject) => {
        loads.set(version, { resolve: () => resolve(build(version)), reject });
      }),
  });
  const load = async (version: number) => {
    await expect.poll(() => loads.has(version)).toBe(true);
    loads.get(version)?.resolve();
    loads.delete(version);
    await new Promise(setImmediate);
  };
  return { router, load, loads, closed, statuses };
}

describe('the router', () => {
  let current: ReturnType<typeof setUp> | undefined;
  afterEach(() => current?.router.close());

  it('takes no traffic before a version is promoted, and says that it has settled', () => {
    const { router } = (current = setUp());
    expect([router.settled, router.ready]).toEqual([false, false]);
    router.apply(null);
    expect([router.settled, router.ready]).toEqual([true, true]);
    expect(router.route(0.5)).toBeNull();
  });

  it('keeps the old champion until the new one is warm, then moves all at once and closes the old', async () => {
    const { router, load, closed } = (current = setUp());
    router.apply(allocate(1));
    expect(router.ready).toBe(false);
    await load(1);
    router.apply(allocate(2));
    expect(router.route(0)?.target.version).toBe(1);
    expect([router.settled, router.ready]).toEqual([false, true]);
    await load(2);
    expect(router.route(0)?.target.version).toBe(2);
    expect(router.settled).toBe(true);
    await expect.poll(() => closed).toEqual([1]);
  });

  it('splits by the point, and drops the canary with its share', async () => {
    const { router, load, closed } = (current = setUp());
    router.apply(allocate(1, { canary: { version: 2, share: 0.25 }, shadow: 3 }));
    await load(2);
    await load(3);
    expect(router.route(0.1)).toBeNull();
    await load(1);
    expect(router.route(0.2499)).toMatchObject({ variant: 'canary', target: { version: 2 } });
    expect(router.route(0.25)).toMatchObject({ variant: 'champion', target: { version: 1 } });
    expect(router.routes.shadow?.version).toBe(3);
    router.apply(allocate(1));
    expect(router.route(0.1)?.target.version).toBe(1);
    await expect.poll(() => closed.toSorted()).toEqual([2, 3]);
  });

  it('promotes a loaded canary without waiting for anything', async () => {
    const { router, load } = (current = setUp());
    router.apply(allocate(1, { canary: { version: 2, share: 0.5 } }));
    await load(1);
    await load(2);
    router.apply(allocate(2));
    expect(router.route(0.9)?.target.version).toBe(2);
  });

  it('gives a rejected candidate no traffic, reports the reason, and tries again when it is named anew', async () => {
    const { router, load, loads, statuses } = (current = setUp());
    router.apply(allocate(1));
    await load(1);
    router.apply(allocate(1, { canary: { version: 2, share: 0.5 } }));
    loads.get(2)?.reject(new MillraceError('SERVING_VERSION_REJECTED', 'golden batch failed'));
    await expect.poll(() => router.settled).toBe(true);
    expect(router.route(0.1)?.target.version).toBe(1);
    expect(statuses.at(-1)).toMatchObject({ loaded: [1], rejected: [{ version: 2, reason: 'golden batch failed' }] });
    loads.delete(2);
    router.apply(allocate(1, { canary: { version: 2, share: 0.1 } }));
    await load(2);
    expect(router.route(0.05)?.target.version).toBe(2);
  });

  it('tries again when the registry was away while it loaded', async () => {
    const { router, load, loads } = (current = setUp());
    router.apply(allocate(1));
    loads.get(1)?.reject(new MillraceError('STORE_UNAVAILABLE', 'away'));
    loads.delete(1);
    await load(1);
    expect(router.route(0)?.target.version).toBe(1);
  });

  it('closes a version that finished loading after it was no longer wanted', async () => {
    const { router, load, closed } = (current = setUp());
    router.apply(allocate(1));
    await load(1);
    router.apply(allocate(2));
    router.apply(allocate(1));
    expect(router.settled).toBe(true);
    await load(2);
    await expect.poll(() => closed).toEqual([2]);
    expect(router.route(0)?.target.version).toBe(1);
  });

  it('lets an operator take the model out, closes what it had, follows the allocation without loading, and brings it back', async () => {
    const { router, load, loads, closed, statuses } = (current = setUp());
    router.apply(allocate(1, { shadow: 2 }));
    await load(1);
    await load(2);
    await router.unload();
    expect([router.route(0), router.settled, router.unloaded, closed.toSorted()]).toEqual([null, true, true, [1, 2]]);
    expect(router.versions).toEqual([1, 2].map((version) => ({ version, state: 'unloaded', reason: 'unloaded' })));
    router.apply(allocate(3));
    expect([loads.size, router.settled, router.versions]).toEqual([0, true, [{ version: 3, state: 'unloaded', reason: 'unloaded' }]]);
    const loaded = router.load();
    expect([router.loading, router.settled, router.route(0)]).toEqual([true, true, null]);
    await load(3);
    await loaded;
    expect([router.route(0)?.target.version, router.loading, statuses.at(-1)?.loaded]).toEqual([3, false, [3]]);
  });

  it('closes a version that finished loading after an operator took the model out', async () => {
    const { router, load, closed } = (current = setUp());
    router.apply(allocate(1));
    await router.unload();
    await load(1);
    await expect.poll(() => closed).toEqual([1]);
    expect([router.route(0), router.loading]).toEqual([null, false]);
  });

  it('keeps what was loaded again while the attempt before the unloading was still under way', async () => {
    const { router, load, loads, closed } = (current = setUp());
    router.apply(allocate(1));
    const before = loads.get(1);
    await router.unload();
    const loaded = router.load();
    before?.resolve();
    await expect.poll(() => closed).toEqual([1]);
    await load(1);
    await loaded;
    expect([router.route(0)?.target.version, router.settled]).toEqual([1, true]);
  });

  it('tries rejected versions again when an operator asks, and leaves those that serve alone', async () => {
    const { router, load, loads, closed } = (current = setUp());
    router.apply(allocate(1, { shadow: 2 }));
    await load(1);
    loads.get(2)?.reject(new MillraceError('SERVING_VERSION_REJECTED', 'golden batch failed'));
    loads.delete(2);
    await expect.poll(() => router.settled).toBe(true);
    const loaded = router.load();
    expect(router.route(0)?.target.version).toBe(1);
    await load(2);
    await loaded;
    expect([router.routes.shadow?.version, closed]).toEqual([2, []]);
  });

  it('loses no request and mixes no versions over a hundred swaps under load', async () => {
    const { router, load } = (current = setUp());
    router.apply(allocate(1));
    await load(1);
    let running = true;
    let answered = 0;
    const rows = { numbers: Float32Array.of(0), categories: [] };
    const clients = Array.from({ length: 8 }, async () => {
      while (running) {
        const target = router.route(Math.random())?.target as ServingVersion;
        const { scores } = await target.score(rows, [0, 0, 0], systemTimers.now() + 5_000);
        expect([...scores]).toEqual([target.version, target.version, target.version]);
        answered++;
      }
    });
    for (let swap = 2; swap <= 101; swap++) {
      router.apply(allocate(swap));
      await load(swap);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    running = false;
    await Promise.all(clients);
    expect(answered).toBeGreaterThan(100);
  });
});
