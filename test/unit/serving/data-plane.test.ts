import { afterEach, expect, test, vi } from 'vitest';
import { number, string } from '../../../src/define/field.ts';
import type { Model } from '../../../src/define/model.ts';
import { compileService } from '../../../src/fold/compile-service.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { Registry } from '../../../src/infra/metrics.ts';
import { systemTimers } from '../../../serving/batcher/timers.ts';
import type { ScoreCache } from '../../../serving/cache/score-cache.ts';
import { DataPlane } from '../../../serving/data-plane.ts';
import { DecisionCompleter } from '../../../serving/decisions/complete-decisions.ts';
import { DecisionLog } from '../../../serving/decisions/decision-log.ts';
import { ViewReader } from '../../../serving/features/view-reader.ts';
import type { PredictOptions } from '../../../serving/prediction.ts';
import { ModelRouter } from '../../../serving/router/model-router.ts';
import { ServingVersion } from '../../../serving/router/serving-version.ts';
import { assertInTime, createServedModel, type ServedModel } from '../../../serving/served-model.ts';
import { createServingMetrics } from '../../../serving/serving-metrics.ts';
import { signatureOf } from '../../support/serving/signature.ts';
import { carrierDepartures } from '../../support/serving/contract-project.ts';
import { delayModel } from '../../support/serving/tiny-project.ts';

const TIMEOUT_MS = 10_000;
const logger = createLogger('test', 'silent');
let router: ModelRouter | undefined;
afterEach(() => router?.close());

const withGate = (service: Model['service']): Model['service'] => ({ ...service, request: { ...service.request, gate: string() } });

interface Over {
  readonly run?: () => Promise<unknown>;
  readonly cache?: ScoreCache | null;
  /** What versions but the first were trained with: as a rule one field of the request more. */
  readonly other?: (service: Model['service']) => Model['service'];
  readonly decisionsMax?: number;
}

/** The data plane of a model, whose champion answers `score` for every row. Its decisions stay in memory. */
async function setUp(score: number, definition: Model = delayModel, { run = () => Promise.resolve(), cache = null, other = withGate, decisionsMax = 1 }: Over = {}) {
  const served = createServedModel(definition, (ownProgram) => {
    const versionOf = (version: number, program = ownProgram) => new ServingVersion({
      platform: 'onnxruntime_onnx',
      version,
      digest: 'digest',
      program,
      signature: signatureOf({
        model: definition.name,
        numericNames: program.numericNames,
        categories: [{ name: 'carrier', vocabulary: ['AA'] }],
      }),
      cache,
    warm: {
        session: {
          placement: 'child',
          provider: 'cpu',
          run: async (_features, rows) => {
            await run();
            return new Float32Array(rows).fill(score);
          },
          close: () => Promise.resolve(),
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
    return new ModelRouter({
      model: definition.name,
      logger,
      onStatus: () => undefined,
      loadVersion: (version) => Promise.resolve(version === 1 ? versionOf(1) : versionOf(version, compileService(other(definition.service)))),
    });
  });
  router = served.router;
  router.apply({ model: definition.name, revision: 1, champion: 1, canary: null, shadow: null });
  await expect.poll(() => served.router.settled).toBe(true);
  const registry = new Registry();
  const metrics = createServingMetrics(registry);
  const decisions = new DecisionLog({
    openSender: () =>
      Promise.resolve({ send: () => Promise.resolve(), close: () => Promise.resolve() } as never),
    waitingMax: decisionsMax,
    recentMax: 10,
    whenFull: 'refuse',
    onStored: () => undefined,
    onDropped: () => undefined,
    logger,
  });
  let statesRead = 0;
  const reader = new ViewReader({
    readStates: (reads) => {
      statesRead += reads.length;
      return Promise.resolve(reads.map(() => null));
    },
  });
  const plane = new DataPlane({
    models: [served],
    reader,
    decisions,
    completer: new DecisionCompleter({ log: decisions, reader, metrics, timers: systemTimers, shadowRowsMax: 1 }),
    metrics,
    timers: systemTimers,
    clock: Date.now,
    instancesMax: 10,
    timeoutMs: TIMEOUT_MS,
    logger,
  });
  const predict = (options: PredictOptions = {}, count = 1) => plane.predict(definition.name, Array.from({ length: count }, (_, i) => ({ origin: i === 0 ? 'JFK' : `O${i}`, distance: 300, carrier: 'AA' })), options);
  const failed = async (): Promise<number> => Number(/^millrace_prediction_requests_total\{.*outcome="failed".*\} (\d+)$/m.exec(await registry.metrics())?.[1] ?? 0);
  return { served, decisions, predict, failed, statesRead: () => statesRead };
}

test.each([NaN, Infinity])(
  'a model that answers %s is SERVING_SCORE_INVALID, counted as an error of its version',
  async (score) => {
    const { served, decisions, predict } = await setUp(score);
    await expect(predict()).rejects.toMatchObject({ code: 'SERVING_SCORE_INVALID' });
    expect(served.errorsByVersion.get(1)).toBe(1);
    // The place of its decision was given back: with room for one, a second would be refused.
    decisions.reserve(1);
  },
);

test('what is asked for again has not failed', async () => {
  const { served, predict, failed } = await setUp(NaN);
  await expect(predict({ asksAgain: () => true })).rejects.toMatchObject({ code: 'SERVING_SCORE_INVALID' });
  expect([await failed(), served.errorsByVersion.size]).toEqual([0, 0]);
  await expect(predict({ asksAgain: () => false })).rejects.toMatchObject({ code: 'SERVING_SCORE_INVALID' });
  expect([await failed(), served.errorsByVersion.get(1)]).toEqual([1, 1]);
});

test('a finite score is the answer', async () => {
  const { predict } = await setUp(0.75);
  expect(await predict()).toMatchObject([{ score: 0.75, label: true, version: 1, variant: 'champion' }]);
});

test('a view that refuses stale reads refuses the prediction with FEATURE_STALE; one that serves them does not', async () => {
  const modelOf = (onStale: 'serve' | 'refuse'): Model => {
    const view = carrierDepartures({ maxAge: '1h', onStale });
    return { ...delayModel, service: { ...delayModel.service, views: [...delayModel.service.views, view] } };
  };
  // Nothing is stored: no state is within an hour.
  const { predict } = await setUp(0.5, modelOf('refuse'));
  await expect(predict()).rejects.toMatchObject({
    code: 'FEATURE_STALE',
    message: expect.stringContaining(
      "view 'carrier_departures' has no state of at most '1h' for instances 0",
    ) as string,
  });
  await router?.close();
  expect(await (await setUp(0.5, modelOf('serve'))).predict()).toMatchObject([{ score: 0.5 }]);
});

test('what can not be in time is refused before its features are read: what it waited counts, and what waits before it', async () => {
  const batches: (() => void)[] = [];
  const { predict, statesRead } = await setUp(0.5, delayModel, { run: () => new Promise<void>((resolve) => batches.push(resolve)) });
  const late = { timeoutMs: 1_000, arrivedAt: systemTimers.now() - 1_001 };
  await expect(predict(late)).rejects.toMatchObject({ code: 'SERVING_DEADLINE_EXCEEDED', message: expect.stringContaining('and 0 ms were left') as string });
  expect(statesRead()).toBe(0);
  const running = predict();
  await expect.poll(() => batches.length).toBe(1);
  // A batch takes 1 ms, as its warm-up says.
  await expect(predict({ timeoutMs: 0.9 })).rejects.toMatchObject({ code: 'SERVING_DEADLINE_EXCEEDED', message: expect.stringContaining('was refused: it needs about 1 ms') as string });
  expect(statesRead()).toBe(1);
  batches[0]?.();
  await running;
});

test('rows that a cache may have are not refused before they are looked up', async () => {
  const { served } = await setUp(0.5);
  const past = systemTimers.now() - 1;
  expect(() => served.router.routes.champion?.assertInTime(1, past)).toThrow('was refused');
  await served.router.close();
  const cache = { size: 0, idle: () => Promise.resolve() } as unknown as ScoreCache;
  const cached = await setUp(0.5, delayModel, { cache });
  expect(() => cached.served.router.routes.champion?.assertInTime(1, past)).not.toThrow();
});

test('nor are rows that another version than the champion may answer', () => {
  const assertedOf = (others: object): boolean => {
    const asserted = vi.fn();
    assertInTime({ router: { routes: { champion: { assertInTime: asserted }, canary: null, shadow: null, arms: null, ...others } } } as unknown as ServedModel, 1, 0);
    return asserted.mock.calls.length > 0;
  };
  expect([{}, { canary: { share: 0.1 } }, { arms: { routes: [{}] } }, { arms: { routes: [] } }].map(assertedOf)).toEqual([true, false, false, true]);
});

test('what is wrong for one of two versions is refused before the features of either are read', async () => {
  const { served, predict, statesRead } = await setUp(0.5);
  served.router.apply({ model: served.name, revision: 2, champion: 1, canary: { version: 2, share: 1 }, shadow: null });
  await expect.poll(() => served.router.settled).toBe(true);
  served.router.apply({ model: served.name, revision: 3, champion: 1, canary: { version: 2, share: 0.5 }, shadow: null });
  await expect.poll(() => served.router.settled).toBe(true);
  await expect(predict({}, 10)).rejects.toMatchObject({ code: 'REQUEST_INVALID', message: expect.stringContaining("field 'gate'") as string });
  expect(statesRead()).toBe(0);
});

test('what has neither key nor example is scored by the version that it was read for', async () => {
  const keyless: Model = { ...delayModel, service: { ...delayModel.service, views: [], request: { ...delayModel.service.request, origin: string() } } };
  const { served, predict } = await setUp(0.5, keyless, {
    other: (service) => ({ ...service, request: { distance: number(), carrier: string() } }),
    decisionsMax: 100,
  });
  served.router.apply({ model: served.name, revision: 2, champion: 1, canary: { version: 2, share: 0.5 }, shadow: null });
  await expect.poll(() => served.router.settled).toBe(true);
  const variants = new Set<string>();
  for (let i = 0; i < 40; i++) for (const { variant } of await predict()) variants.add(variant);
  expect([[...variants].sort(), served.errorsByVersion.size]).toEqual([['canary', 'champion'], 0]);
});
