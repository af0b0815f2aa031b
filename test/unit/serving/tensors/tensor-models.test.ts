import { expect, it } from 'vitest';
import { TensorModels } from '../../../../serving/tensors/tensor-models.ts';
import { createServingMetrics } from '../../../../serving/serving-metrics.ts';
import { SessionHost } from '../../../../serving/session-host/session-host.ts';
import { createLogger } from '../../../../src/infra/logger.ts';
import { Registry } from '../../../../src/infra/metrics.ts';

const logger = createLogger('test', 'silent');

function modelsIn(names: readonly string[]): TensorModels {
  return new TensorModels({
    registry: { listTensorModels: () => Promise.resolve([...names]), readTensorBundle: () => Promise.reject(new Error('nothing is allocated')) },
    host: new SessionHost({ placement: 'child', providers: ['cpu'], tensorflowBackends: [], openTimeoutMs: 1, runTimeoutMs: 1, logger }),
    queueRowsMax: 1,
    createLimit: () => null,
    metrics: createServingMetrics(new Registry()),
    onStatus: () => undefined,
    logger,
  });
}

it('readiness waits for the models that were there at first, and not for one that comes later', async () => {
  const names = ['one'];
  const models = modelsIn(names);
  expect(models.ready).toBe(false);
  await models.discover();
  expect(models.ready).toBe(false);
  models.find('one')?.router.apply(null);
  expect(models.ready).toBe(true);
  names.push('two');
  await models.discover();
  expect(models.find('two')?.router.ready).toBe(false);
  expect(models.ready).toBe(true);
});

it('a registry without such models is ready once it has answered', async () => {
  const models = modelsIn([]);
  expect(models.ready).toBe(false);
  await models.discover();
  expect(models.ready).toBe(true);
});
