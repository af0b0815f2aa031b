import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERROR_CODE_METADATA } from '../../../../src/contracts/feature-store.ts';
import { inferenceProto } from '../../../../src/infra/load-proto.ts';
import { INFERENCE_SERVICE } from '../../../../src/contracts/inference.ts';
import { createGrpcCaller } from '../../../support/serving/grpc-caller.ts';
import { troubles } from '../../../support/serving/troubled-onnx.ts';
import { TROUBLED_QUEUE_ROWS } from '../../../support/serving/troubled-project.ts';
import { openRobustnessStage, othersGoOn, type RobustnessStage } from './robustness-stage.ts';

const CROWD = 80;
const slowRow = { name: 'features', datatype: 'FP32', shape: [1, 4], contents: { fp32Contents: [0, 0, troubles.slow, 0] } };

let stage: RobustnessStage;
othersGoOn(() => stage);

const waitingRows = (): Promise<number> => stage.metric('millrace_inference_queue_rows', 'troubled');
const empty = (): Promise<void> => expect.poll(waitingRows, { timeout: 20_000 }).toBe(0);

describe('more than a model can', { timeout: 60_000 }, () => {
  beforeAll(async () => {
    stage = await openRobustnessStage({});
  });
  afterAll(() => stage.close());

  it('is refused with 429 and Retry-After, or RESOURCE_EXHAUSTED; what was taken is answered, and nothing is 503', async () => {
    const [overHttp, overGrpc] = await Promise.all([
      Promise.all(Array.from({ length: CROWD }, () => stage.predict('troubled', troubles.slow))),
      Promise.all(Array.from({ length: CROWD }, () => stage.infer('troubled', [troubles.slow]))),
    ]);
    const refused = overHttp.filter((answer) => answer.status === 429);
    for (const { headers, body } of refused) {
      expect(body.code).toBe('SERVING_OVERLOADED');
      expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    }
    expect(new Set(overHttp.map((answer) => answer.status))).toEqual(new Set([200, 429]));
    const failed = overGrpc.flatMap(({ error }) => error ?? []);
    for (const { status: found, metadata } of failed) {
      expect(found).toBe(status.RESOURCE_EXHAUSTED);
      expect(metadata.get(ERROR_CODE_METADATA)).toEqual(['SERVING_OVERLOADED']);
      expect(Number(metadata.get('retry-after')[0])).toBeGreaterThanOrEqual(1);
    }
    expect(failed.length + refused.length).toBeGreaterThan(0);
    expect(2 * CROWD - failed.length - refused.length).toBeGreaterThanOrEqual(TROUBLED_QUEUE_ROWS);
    await empty();
  });

  it('keeps none of the high from being answered, nor all of the low', async () => {
    const statuses = { high: [] as number[], low: [] as number[] };
    const until = performance.now() + 3_000;
    const client = async (priority: 'high' | 'low'): Promise<void> => {
      while (performance.now() < until) {
        statuses[priority].push((await stage.predict('troubled', troubles.slow, { 'x-request-priority': priority })).status);
      }
    };
    // More low ones than the queue holds, all the time: a high one always finds it full, and has its part of it.
    await Promise.all([...Array.from({ length: 2 * TROUBLED_QUEUE_ROWS }, () => client('low')), client('high'), client('high')]);
    expect(statuses.high.length).toBeGreaterThan(2);
    expect(new Set(statuses.high)).toEqual(new Set([200]));
    expect(new Set(statuses.low)).toEqual(new Set([200, 429]));
    await empty();
  });

  it('leaves the queue with callers that go away, over HTTP and gRPC', async () => {
    const running = stage.predict('troubled', troubles.slow);
    const leaving = new AbortController();
    const caller = createGrpcCaller(stage.serving.grpcAddress, inferenceProto, INFERENCE_SERVICE);
    const { path, requestSerialize, responseDeserialize } = caller.service['ModelInfer']!;
    const calls = Array.from({ length: 12 }, () =>
      caller.client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { modelName: 'troubled', inputs: [slowRow] }, () => undefined),
    );
    const requests = Array.from({ length: 12 }, () => stage.predict('troubled', troubles.slow, {}, leaving.signal).catch(() => null));
    await expect.poll(waitingRows, { interval: 2 }).toBeGreaterThan(12);
    leaving.abort();
    for (const call of calls) call.cancel();
    // A batch of four takes tens of milliseconds: so many rows would take longer than this.
    await expect.poll(waitingRows, { interval: 2, timeout: 2_000 }).toBe(0);
    expect((await running).status).toBe(200);
    expect(await Promise.all(requests)).toContain(null);
    await expect.poll(() => stage.metric('millrace_requests_in_flight', 'troubled')).toBe(0);
    const text = await (await fetch(`${stage.serving.url}/metrics`)).text();
    expect(text).toMatch(/millrace_prediction_failures_total\{model="troubled",code="SERVING_CANCELLED"[^}]*\} [1-9]/);
    caller.close();
  });

  it('is refused as hopeless where the time allowed is less than the queue takes', async () => {
    const crowd = Array.from({ length: 30 }, () => stage.predict('troubled', troubles.slow));
    await expect.poll(waitingRows, { interval: 2 }).toBeGreaterThan(15);
    const { status: found, body } = await stage.predict('troubled', troubles.slow, { 'x-request-timeout': '40' });
    expect([found, body.code]).toEqual([504, 'SERVING_DEADLINE_EXCEEDED']);
    await Promise.all(crowd);
  });
});

describe('with an adaptive limit', { timeout: 60_000 }, () => {
  beforeAll(async () => {
    stage = await openRobustnessStage({
      MILLRACE_SERVING_CONCURRENCY: 'adaptive',
      MILLRACE_SERVING_CONCURRENCY_MIN: '4',
      MILLRACE_SERVING_CONCURRENCY_MAX: '30',
    });
  });
  afterAll(() => stage.close());

  it('lets in what the latency allows and refuses the rest before it waits', async () => {
    expect(await stage.metric('millrace_concurrency_limit_requests', 'troubled')).toBe(30);
    const outcomes: number[] = [];
    let running = true;
    const clients = Array.from({ length: 40 }, async () => {
      while (running) {
        outcomes.push((await stage.predict('troubled', troubles.slow)).status);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    });
    try {
      await expect.poll(() => stage.metric('millrace_concurrency_limit_requests', 'troubled'), { timeout: 15_000 }).toBeLessThan(25);
    } finally {
      running = false;
      await Promise.all(clients);
    }
    expect(new Set(outcomes)).toEqual(new Set([200, 429]));
    // The other model has a limit of its own, which its two clients never fill.
    expect(await stage.metric('millrace_concurrency_limit_requests', 'delay')).toBe(30);
  });
});
