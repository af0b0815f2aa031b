import { describe, expect, it } from 'vitest';
import { Departure } from '../../../../serving/batcher/departure.ts';
import { systemTimers } from '../../../../serving/batcher/timers.ts';
import type { DataPlane } from '../../../../serving/data-plane.ts';
import type { InferRequest } from '../../../../serving/inference/infer-request.ts';
import { OpenInference } from '../../../../serving/inference/open-inference.ts';
import { ConcurrencyLimiter } from '../../../../serving/limit/concurrency-limiter.ts';
import { GradientLimit } from '../../../../serving/limit/gradient-limit.ts';
import { createServingMetrics } from '../../../../serving/serving-metrics.ts';
import { TensorBatcher } from '../../../../serving/tensors/tensor-batcher.ts';
import type { TensorModel } from '../../../../serving/tensors/tensor-models.ts';
import type { Tensor } from '../../../../src/contracts/tensor.ts';
import { MillraceError } from '../../../../src/core/millrace-error.ts';
import { Registry } from '../../../../src/infra/metrics.ts';

const spec = { name: 'x', datatype: 'FP32', shape: [1] } as const;
const metrics = createServingMetrics(new Registry());

/** A model without a feature service whose runs end when the test says so. */
function setUp(limit: GradientLimit | null = null) {
  const runs: { readonly value: number; readonly end: (error?: Error) => void }[] = [];
  const batcher = new TensorBatcher({
    label: 'm/1',
    batched: false,
    batchRowsMax: 1,
    queueRowsMax: 8,
    runMs: 1,
    timers: systemTimers,
    run: (inputs) => new Promise((resolve, reject) => {
      const value = inputs[0]!.elements[0] as number;
      runs.push({ value, end: (error) => (error === undefined ? resolve(inputs) : reject(error)) });
    }),
  });
  const signature = { model: 'm', batched: false, inputs: [spec], outputs: [spec] };
  const version = { version: 1, digest: 'd', signature, run: (inputs: Tensor[], deadline: number, asked?: { departure?: Departure }) => batcher.submit(inputs, deadline, asked?.departure) };
  const model = {
    name: 'm',
    errorsByVersion: new Map<number, number>(),
    limiter: new ConcurrencyLimiter({ model: 'm', limit, timers: systemTimers }),
    router: { routes: { champion: version }, roleOf: () => 'champion' },
  } as unknown as TensorModel;
  const inference = new OpenInference({
    dataPlane: { models: [] } as unknown as DataPlane,
    tensorModels: { all: [model], find: () => model },
    metrics,
    timers: systemTimers,
    version: '1',
    rowsMax: 10,
    timeoutMs: 5_000,
  });
  const infer = (value: number, over: Partial<InferRequest> = {}) =>
    inference.infer({ model: 'm', inputs: [{ ...spec, shape: [1], elements: Float32Array.of(value) }], ...over }).then(
      ({ outputs }) => outputs[0]!.elements[0],
      ({ code }: MillraceError) => code,
    );
  return { model, batcher, runs, infer };
}

describe('inference by a model without a feature service', () => {
  it('gives up the place of a caller that went away, which is no error of the version', async () => {
    const { model, batcher, runs, infer } = setUp();
    const first = infer(1);
    await expect.poll(() => runs.length).toBe(1);
    const departure = new Departure();
    const gone = infer(2, { departure });
    const last = infer(3);
    expect(batcher.queuedRows).toBe(2);
    departure.leave();
    expect(await gone).toBe('SERVING_CANCELLED');
    expect(await infer(4, { departure })).toBe('SERVING_CANCELLED');
    expect(batcher.queuedRows).toBe(1);
    runs[0]!.end();
    await expect.poll(() => runs.length).toBe(2);
    runs[1]!.end(new MillraceError('SERVING_SESSION_FAILED', 'no'));
    expect(await Promise.all([first, last])).toEqual([1, 'SERVING_SESSION_FAILED']);
    expect(runs.map(({ value }) => value)).toEqual([1, 3]);
    expect([...model.errorsByVersion]).toEqual([[1, 1]]);
  });

  it('is refused where more requests are under way than its latency allows', async () => {
    const { model, runs, infer } = setUp(new GradientLimit({ initial: 1, min: 1, max: 1 }));
    const first = infer(1);
    expect([await infer(2), model.limiter.inFlight]).toEqual(['SERVING_OVERLOADED', 1]);
    await expect.poll(() => runs.length).toBe(1);
    runs[0]!.end();
    expect(await first).toBe(1);
    const next = infer(3);
    await expect.poll(() => runs.length).toBe(2);
    runs[1]!.end();
    expect([await next, model.limiter.inFlight, model.errorsByVersion.size]).toEqual([3, 0, 0]);
  });
});
