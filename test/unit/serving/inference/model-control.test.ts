import { afterEach, expect, it } from 'vitest';
import type { DataPlane } from '../../../../serving/data-plane.ts';
import { ModelControl } from '../../../../serving/inference/model-control.ts';
import { ModelRouter, type RoutedVersion } from '../../../../serving/router/model-router.ts';
import type { TensorModels } from '../../../../serving/tensors/tensor-models.ts';
import { createLogger } from '../../../../src/infra/logger.ts';

const logger = createLogger('test', 'silent');
let router: ModelRouter | undefined;
afterEach(() => router?.close());

it('does not wait for a load without end, and says that it goes on', async () => {
  router = new ModelRouter({ model: 'm', logger, onStatus: () => undefined, loadVersion: () => new Promise(() => undefined) });
  const dataPlane = { models: [{ name: 'm', router }] } as unknown as DataPlane;
  router.apply({ model: 'm', revision: 1, champion: 1, canary: null, shadow: null });
  const control = new ModelControl({ dataPlane, tensorModels: { find: () => undefined }, loadWaitMs: 20, logger });
  await expect(control.load('m', [])).rejects.toMatchObject({ code: 'MODEL_NOT_READY', message: expect.stringContaining('goes on loading') as string });
  expect(router.loading).toBe(true);
});

it('takes out and brings back a model without a feature service too', async () => {
  const closed: number[] = [];
  const loadVersion = async (version: number) => ({ version, close: async () => void closed.push(version) });
  const other = new ModelRouter<RoutedVersion>({ model: 'echo', logger, onStatus: () => undefined, loadVersion });
  const dataPlane = { models: [] } as unknown as DataPlane;
  const tensorModels = { find: () => ({ name: 'echo', router: other }) } as unknown as Pick<TensorModels, 'find'>;
  other.apply({ model: 'echo', revision: 1, champion: 3, canary: null, shadow: null });
  const control = new ModelControl({ dataPlane, tensorModels, loadWaitMs: 1_000, logger });
  await control.load('echo', []);
  expect(other.loaded.map(({ version }) => version)).toEqual([3]);
  await control.unload('echo', ['unload_dependents']);
  expect([other.unloaded, closed]).toEqual([true, [3]]);
  await control.load('echo', []);
  expect(other.routes.champion?.version).toBe(3);
  await other.close();
});
