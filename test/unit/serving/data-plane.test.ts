import { afterEach, expect, test } from 'vitest';
import type { Model } from '../../../src/define/model.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { Registry } from '../../../src/infra/metrics.ts';
import { systemTimers } from '../../../serving/batcher/timers.ts';
import { DataPlane } from '../../../serving/data-plane.ts';
import { DecisionCompleter } from '../../../serving/decisions/complete-decisions.ts';
import { DecisionLog } from '../../../serving/decisions/decision-log.ts';
import { ViewReader } from '../../../serving/features/view-reader.ts';
import { ModelRouter } from '../../../serving/router/model-router.ts';
import { ServingVersion } from '../../../serving/router/serving-version.ts';
import { createServedModel } from '../../../serving/served-model.ts';
import { createServingMetrics } from '../../../serving/serving-metrics.ts';
import { signatureOf } from '../../support/serving/signature.ts';
import { carrierDepartures } from '../../support/serving/contract-project.ts';
import { delayModel } from '../../support/serving/tiny-project.ts';

const TIMEOUT_MS = 10_000;
const logger = createLogger('test', 'silent');
let router: ModelRouter | undefined;
afterEach(() => router?.close());

/** The data plane of a model, whose champion answers `score` for every row. Its decisions stay in memory. */
async function setUp(score: number, definition: Model = delayModel) {
  const served = createServedModel(definition, (program) => {
    const champion = new ServingVersion({
      platform: 'onnxruntime_onnx',
      version: 1,
      digest: 'digest',
      program,
      signature: signatureOf({
        model: definition.name,
        numericNames: program.numericNames,
        categories: [{ name: 'carrier', vocabulary: ['AA'] }],
      }),
      cache: null,
    warm: {
        session: {
          placement: 'child',
          provider: 'cpu',
          run: (_features, rows) => Promise.resolve(new Float32Array(rows).fill(score)),
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
      loadVersion: () => Promise.resolve(champion),
    });
  });
  router = served.router;
  router.apply({ model: definition.name, revision: 1, champion: 1, canary: null, shadow: null });
  await expect.poll(() => served.router.settled).toBe(true);
  const metrics = createServingMetrics(new Registry());
  const decisions = new DecisionLog({
    openSender: () =>
      Promise.resolve({ send: () => Promise.resolve(), close: () => Promise.resolve() } as never),
    waitingMax: 1,
    recentMax: 10,
    whenFull: 'refuse',
    onStored: () => undefined,
    onDropped: () => undefined,
    logger,
  });
  const reader = new ViewReader({ readStates: (reads) => Promise.resolve(reads.map(() => null)) });
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
  const predict = () => plane.predict(definition.name, [{ origin: 'JFK', distance: 300, carrier: 'AA' }]);
  return { served, decisions, predict };
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
