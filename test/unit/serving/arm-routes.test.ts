import { describe, expect, it } from 'vitest';
import { createLogger } from '../../../src/infra/logger.ts';
import type { Experiment } from '../../../src/contracts/experiment.ts';
import { ModelRouter } from '../../../serving/router/model-router.ts';
import { experimentOf } from '../../support/serving/experiment-of.ts';

/** A router whose versions load when the test says so. */
function setUp() {
  const loads = new Map<number, () => void>();
  const closed: number[] = [];
  const router = new ModelRouter({
    model: 'm',
    logger: createLogger('test', 'silent'),
    onStatus: () => undefined,
    loadVersion: (version) =>
      new Promise<{ version: number; close: () => Promise<void> }>((resolve) => {
        loads.set(version, () => resolve({ version, close: async () => void closed.push(version) }));
      }),
  });
  const load = async (version: number): Promise<void> => {
    loads.get(version)?.();
    await new Promise(setImmediate);
  };
  let revision = 0;
  const apply = (champion: number, experiment: Experiment | null): void =>
    router.apply({ model: 'm', revision: ++revision, champion, canary: null, shadow: null, ...(experiment === null ? {} : { experiment }) });
  return { router, load, apply, closed };
}

const experiment = experimentOf('trial', [
  { name: 'control', version: 1, share: 0.5 },
  { name: 'new', version: 2, share: 0.5 },
]);
const variants = (router: ReturnType<typeof setUp>['router']): Set<string | undefined> =>
  new Set(Array.from({ length: 50 }, (_, i) => router.routeOf([`k${i}`])?.variant));

describe('a router with an experiment', () => {
  it('is not ready where it starts beside arms that have traffic, before it has them too', async () => {
    const { router, load, apply } = setUp();
    apply(1, experiment);
    await load(1);
    expect([router.ready, router.settled]).toEqual([false, false]);
    // What is asked all the same is answered, by the champion.
    expect(variants(router)).toEqual(new Set(['trial/control', 'champion']));
    await load(2);
    expect([router.ready, router.settled]).toEqual([true, true]);
    expect(variants(router)).toEqual(new Set(['trial/control', 'trial/new']));
    await router.close();
  });

  it('stays ready while arms without ranges load, and closes what no arm has any more', async () => {
    const { router, load, apply, closed } = setUp();
    apply(1, null);
    await load(1);
    apply(1, { ...experiment, ranges: [] });
    expect([router.ready, router.settled]).toEqual([true, false]);
    expect(variants(router)).toEqual(new Set(['champion']));
    await load(2);
    expect(router.status).toMatchObject({ revision: 2, loaded: [1, 2] });
    expect(router.loaded.map((target) => router.roleOf(target))).toEqual(['champion', 'arm']);
    expect(variants(router)).toEqual(new Set(['champion']));
    apply(1, experiment);
    expect(variants(router)).toEqual(new Set(['trial/control', 'trial/new']));
    apply(1, null);
    await new Promise(setImmediate);
    expect([closed, variants(router)]).toEqual([[2], new Set(['champion'])]);
    await router.close();
  });
});
