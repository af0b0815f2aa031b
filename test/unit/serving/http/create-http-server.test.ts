import { expect, test } from 'vitest';
import type { Decision } from '../../../../src/contracts/decision.ts';
import { Registry } from '../../../../src/infra/metrics.ts';
import type { DataPlane } from '../../../../serving/data-plane.ts';
import type { HistoricalFeatures } from '../../../../serving/features/historical-features.ts';
import type { OnlineFeatures } from '../../../../serving/features/online-features.ts';
import type { ModelControl } from '../../../../serving/inference/model-control.ts';
import type { OpenInference } from '../../../../serving/inference/open-inference.ts';
import { createLogger } from '../../../../src/infra/logger.ts';
import { createHttpServer } from '../../../../serving/http/create-http-server.ts';
import { openControl } from '../../../support/access-stage.ts';
import { loadServingSettings } from '../../../../serving/settings.ts';

const decision = { id: 'known' } as Decision;

/** A server of no models that has one decision. */
function setUp() {
  const asked: string[] = [];
  const app = createHttpServer({
    dataPlane: { models: [] } as unknown as DataPlane,
    onlineFeatures: {} as unknown as OnlineFeatures,
    historicalFeatures: {} as unknown as HistoricalFeatures,
    openInference: { serverMetadata: { version: '1' } } as unknown as OpenInference,
    modelControl: {} as unknown as ModelControl,
    findDecision: (id) => {
      asked.push(id);
      return Promise.resolve(id === 'known' ? decision : null);
    },
    metrics: new Registry(),
    access: openControl(),
    settings: loadServingSettings({}),
    logger: createLogger('test', 'silent'),
  });
  const get = (id: string) => app.inject(`/v1/decisions/${id}`);
  return { asked, get };
}

test('what the router refuses is answered in the same form', async () => {
  const answer = await setUp().get('%zz');
  expect([answer.statusCode, answer.json()]).toMatchObject([400, { code: 'REQUEST_INVALID' }]);
});

test('a stored decision is answered, any other is DECISION_NOT_FOUND', async () => {
  const { get } = setUp();
  expect((await get('known')).json()).toEqual(decision);
  const answer = await get('unknown');
  expect([answer.statusCode, answer.json()]).toMatchObject([404, { code: 'DECISION_NOT_FOUND' }]);
});

test.each(['x'.repeat(65), 'a%00b', 'a%20b', '%F0%9F%8E%B2'])('the id %s, which can be none, is DECISION_NOT_FOUND without a look', async (id) => {
  const { asked, get } = setUp();
  const answer = await get(id);
  expect([answer.statusCode, answer.json()]).toMatchObject([404, { code: 'DECISION_NOT_FOUND' }]);
  expect(asked).toEqual([]);
});
