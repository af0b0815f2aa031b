import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERROR_CODE_METADATA } from '../../../../src/contracts/feature-store.ts';
import { TROUBLED_SCORE, troubles } from '../../../support/serving/troubled-onnx.ts';
import { TROUBLED_BATCH_ROWS } from '../../../support/serving/troubled-project.ts';
import { openRobustnessStage, othersGoOn, type RobustnessStage } from './robustness-stage.ts';

const RUN_TIMEOUT_MS = 700;

let stage: RobustnessStage;
beforeAll(async () => {
  stage = await openRobustnessStage({ MILLRACE_SERVING_RUN_TIMEOUT_MS: String(RUN_TIMEOUT_MS) });
});
afterAll(() => stage.close());
othersGoOn(() => stage);

describe('a model', () => {
  it.each([
    ['NaN', troubles.nan, 500, 'SERVING_SCORE_INVALID', status.INTERNAL],
    ['infinity', troubles.infinity, 500, 'SERVING_SCORE_INVALID', status.INTERNAL],
    ['a failure of its run', troubles.fail, 500, 'SERVING_SESSION_FAILED', status.INTERNAL],
    ['nothing, for ever', troubles.hang, 503, 'SERVING_SESSION_LOST', status.UNAVAILABLE],
  ])('that answers %s is told as such, over HTTP and gRPC, and answers again afterwards', async (_what, trouble, http, code, grpc) => {
    expect(await stage.predict('troubled', trouble)).toMatchObject({ status: http, body: { code, error: expect.any(String) as string } });
    const { error } = await stage.infer('troubled', [trouble]);
    expect([error?.status, error?.metadata.get(ERROR_CODE_METADATA)]).toEqual([grpc, [code]]);
    expect(await stage.predict('troubled')).toMatchObject({ status: 200, body: { predictions: [{ score: TROUBLED_SCORE }] } });
  });

  it('stays out of the serving process where it has a loop, however fast its warm-up was', async () => {
    const described = (await (await fetch(`${stage.serving.url}/v1/models/troubled`)).json()) as { versions: object[] };
    expect(described.versions).toMatchObject([{ placement: 'child', instances: 1, batchRowsMax: TROUBLED_BATCH_ROWS }]);
  });

  it.each([troubles.nan, troubles.fail])('harms no request that shares its batch with a row that does (%i)', async (trouble) => {
    // The first one is running while the others gather.
    const first = stage.predict('troubled', troubles.slow);
    await expect.poll(() => stage.metric('millrace_requests_in_flight', 'troubled'), { interval: 1 }).toBeGreaterThan(0);
    const others = await Promise.all([stage.predict('troubled'), stage.predict('troubled', trouble), stage.predict('troubled'), stage.infer('troubled', [0, 0])]);
    expect((await first).status).toBe(200);
    const [one, bad, two, raw] = others;
    expect([one.status, bad.status, two.status]).toEqual([200, 500, 200]);
    expect(raw.error).toBeUndefined();
  });
});
