import { afterEach, expect, it } from 'vitest';
import type { DataPlane } from '../../../../serving/data-plane.ts';
import { ModelControl } from '../../../../serving/inference/model-control.ts';
import type { ControlAction } from '../../../../serving/peers.ts';
import { ModelRouter, type RoutedVersion } from '../../../../serving/router/model-router.ts';
import type { TensorModels } from '../../../../serving/tensors/tensor-models.ts';
import { MillraceError } from '../../../../src/core/millrace-error.ts';
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

it('has the other processes load a model too where one of its versions is refused, and says so', async () => {
  const loadVersion = (version: number) => (version === 2 ? Promise.reject(new MillraceError('SERVING_VERSION_REJECTED', 'no')) : Promise.resolve({ version, close: async () => undefined }));
  const memberOf = (tellOthers?: (action: ControlAction, model: string) => Promise<void>) => {
    const own = new ModelRouter<RoutedVersion>({ model: 'm', logger, onStatus: () => undefined, loadVersion });
    own.apply({ model: 'm', revision: 1, champion: 1, canary: null, shadow: 2 });
    const dataPlane = { models: [{ name: 'm', router: own }] } as unknown as DataPlane;
    return { own, control: new ModelControl({ dataPlane, tensorModels: { find: () => undefined }, loadWaitMs: 1_000, logger, ...(tellOthers && { tellOthers }) }) };
  };
  const other = memberOf();
  const told: string[] = [];
  const asked = memberOf((action, model) => {
    told.push(action);
    return other.control.follow(action, model).catch(() => Promise.reject(new MillraceError('SERVING_GROUP_UNAVAILABLE', 'not all')));
  });
  await expect.poll(() => [asked.own.settled, other.own.settled]).toEqual([true, true]);
  await asked.control.unload('m', []);
  expect(other.own.unloaded).toBe(true);
  await expect(asked.control.load('m', [])).rejects.toMatchObject({ code: 'SERVING_VERSION_REJECTED' });
  expect([other.own.unloaded, other.own.routes.champion?.version]).toEqual([false, 1]);
  await expect(asked.control.load('m', ['config'])).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  expect(told).toEqual(['unload', 'load']);
  await Promise.all([asked.own.close(), other.own.close()]);
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
