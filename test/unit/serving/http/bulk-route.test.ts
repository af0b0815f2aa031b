import fastify from 'fastify';
import { afterEach, expect, it } from 'vitest';
import type { DataPlane } from '../../../../serving/data-plane.ts';
import { addBulkRoute } from '../../../../serving/http/bulk-route.ts';
import type { PredictOptions } from '../../../../serving/prediction.ts';
import { loadServingSettings } from '../../../../serving/settings.ts';

const app = fastify();
afterEach(() => app.close());

it('asks for its lines by the priority of its header, and refuses one that there is not', async () => {
  const asked: (string | undefined)[] = [];
  const dataPlane = {
    retiring: false,
    model: () => ({ name: 'm', router: { routes: { champion: {} } } }),
    predict: (_model: string, instances: readonly unknown[], { priority }: PredictOptions) => {
      asked.push(priority);
      return Promise.resolve(instances.map(() => ({ score: 0.5 })));
    },
  } as unknown as DataPlane;
  addBulkRoute(app, dataPlane, loadServingSettings({}));
  const url = await app.listen({ port: 0 });
  const ask = (headers: Readonly<Record<string, string>>) =>
    fetch(`${url}/v1/models/m/predict/bulk`, { method: 'POST', headers: { 'content-type': 'application/x-ndjson', ...headers }, body: '{"instance":{}}\n' });
  for (const headers of [{}, { 'x-request-priority': 'low' }, { 'x-request-priority': '1' }]) expect(await (await ask(headers)).json()).toEqual({ line: 1, score: 0.5 });
  expect(asked).toEqual([undefined, 'low', 'high']);
  expect(await (await ask({ 'x-request-priority': 'urgent' })).json()).toMatchObject({ code: 'REQUEST_INVALID', message: expect.stringContaining('header X-Request-Priority: expected high') as string });
  expect(asked).toHaveLength(3);
});
