import { afterEach, expect, it } from 'vitest';
import type { DataPlane } from '../../../../serving/data-plane.ts';
import { ModelControl } from '../../../../serving/inference/model-control.ts';
import { ModelRouter } from '../../../../serving/router/model-router.ts';
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
