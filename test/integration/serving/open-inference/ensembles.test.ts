import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { INFERENCE_SERVICE } from '../../../../src/contracts/inference.ts';
import { inferenceProto } from '../../../../src/infra/load-proto.ts';
import type { RunningServing } from '../../../../serving/start-serving.ts';
import { createGrpcCaller } from '../../../support/serving/grpc-caller.ts';
import { createServingStage, type ServingStage } from '../../../support/serving/serving-stage.ts';
import { promoteEnsemble, promoteTensors } from '../../../support/serving/tensor-model.ts';
import { onnxFile, type OnnxValue } from '../../../support/training/onnx-file.ts';

const pairs = (name: string): OnnxValue => [name, 'float32', ['rows', 2]];
/** y = 2 x */
const double = onnxFile({ nodes: [['Add', ['x', 'x'], 'y']], inputs: [pairs('x')], outputs: [pairs('y')] });
/** d = a - b */
const less = onnxFile({ nodes: [['Sub', ['a', 'b'], 'd']], inputs: [pairs('a'), pairs('b')], outputs: [pairs('d')] });
/** Numbers out of texts; of one that is none the run fails. */
const parse = onnxFile({ nodes: [['Cast', ['t'], 'n', { to: 1 }]], inputs: [['t', 'string', ['rows', 2]]], outputs: [pairs('n')] });

/** 2 (2x) - x = 3x */
const triple = {
  steps: [
    { name: 'once', model: 'double', inputs: { x: 'rows' } },
    { name: 'again', model: 'double', inputs: { x: 'once.y' } },
    { name: 'difference', model: 'less', inputs: { a: 'again.y', b: 'rows' } },
  ],
  outputs: { out: 'difference.d', four: 'again.y' },
};
/** 2x - x = x */
const same = {
  steps: [
    { name: 'once', model: 'double', inputs: { x: 'rows' } },
    { name: 'difference', model: 'less', inputs: { a: 'once.y', b: 'rows' } },
  ],
  outputs: { out: 'difference.d', four: 'once.y' },
};

interface Answer {
  readonly model_version: string;
  readonly outputs: readonly { readonly name: string; readonly data: readonly number[] }[];
  readonly code?: string;
  readonly error?: string;
}

let stage: ServingStage;
let serving: RunningServing;

beforeAll(async () => {
  stage = await createServingStage();
  const { registry } = stage;
  for (const [model, bytes] of Object.entries({ double, less, parse })) await promoteTensors(registry, model, bytes);
  await promoteEnsemble(registry, 'triple', triple);
  await promoteEnsemble(registry, 'typed', {
    steps: [{ name: 'numbers', model: 'parse', inputs: { t: 'texts' } }, { name: 'tripled', model: 'triple', inputs: { rows: 'numbers.n' } }],
    outputs: { out: 'tripled.out' },
  });
  serving = await stage.serve({ MILLRACE_SERVING_QUEUE_ROWS_MAX: '40' });
  for (const model of ['double', 'triple', 'typed'])
    await vi.waitFor(async () => expect((await fetch(`${serving.url}/v2/models/${model}/ready`)).status).toBe(200), { timeout: 60_000, interval: 100 });
});
afterAll(() => stage.close());

const infer = async (model: string, inputs: object[], over: { outputs?: object[]; headers?: Record<string, string> } = {}) => {
  const { headers = {}, ...rest } = over;
  const response = await fetch(`${serving.url}/v2/models/${model}/infer`, { method: 'POST', headers, body: JSON.stringify({ inputs, ...rest }) });
  return { status: response.status, retryAfter: response.headers.get('retry-after'), body: (await response.json()) as Answer };
};
const rows = (data: number[]) => [{ name: 'rows', datatype: 'FP32', shape: [data.length / 2, 2], data }];
const texts = (data: string[]) => [{ name: 'texts', datatype: 'BYTES', shape: [data.length / 2, 2], data }];
const get = async (route: string): Promise<unknown> => (await fetch(`${serving.url}${route}`)).json();

describe('an ensemble', () => {
  it('answers what its steps give one after the other, the outputs that are asked for', async () => {
    const all = await infer('triple', rows([1, 2, 3, 4]));
    expect(all).toMatchObject({ status: 200, body: { model_version: '1', outputs: [{ name: 'out', data: [3, 6, 9, 12] }, { name: 'four', data: [4, 8, 12, 16] }] } });
    const some = await infer('triple', rows([5, -1]), { outputs: [{ name: 'four' }] });
    expect(some.body.outputs).toMatchObject([{ name: 'four', data: [20, -4] }]);
    expect((await infer('typed', texts(['1', '-2']))).body.outputs).toMatchObject([{ name: 'out', data: [3, -6] }]);
  });

  it('answers over gRPC', async () => {
    const caller = createGrpcCaller(serving.grpcAddress, inferenceProto, INFERENCE_SERVICE);
    const { ok } = await caller.call('ModelInfer', { modelName: 'triple', inputs: [{ name: 'rows', datatype: 'FP32', shape: [1, 2], contents: { fp32Contents: [7, 8] } }] });
    expect(ok).toMatchObject({ modelVersion: '1', outputs: [{ name: 'out', contents: { fp32Contents: [21, 24] } }, { name: 'four' }] });
    caller.close();
  });

  it('is described, indexed and measured as a model like others', async () => {
    expect(await get('/v2/models/triple')).toEqual({
      name: 'triple',
      versions: ['1'],
      platform: 'ensemble',
      inputs: [{ name: 'rows', datatype: 'FP32', shape: [-1, 2] }],
      outputs: ['out', 'four'].map((name) => ({ name, datatype: 'FP32', shape: [-1, 2] })),
    });
    expect(await get('/v1/health/ready')).toMatchObject({ models: expect.arrayContaining([{ model: 'triple', ready: true, state: 'version 1 serves' }]) as object });
    const metrics = await (await fetch(`${serving.url}/metrics`)).text();
    expect(metrics).toMatch(/^millrace_model_version_info\{model="triple",version="1",role="champion",placement="members",provider="ensemble",.*\} 1$/m);
  });

  it('has its steps in its configuration, joined by the names of tensors', async () => {
    expect(await get('/v2/models/triple/config')).toMatchObject({
      platform: 'ensemble',
      backend: '',
      instance_group: [],
      input: [{ name: 'rows', data_type: 'TYPE_FP32', dims: [2] }],
      ensemble_scheduling: {
        step: [
          { model_name: 'double', model_version: 1, input_map: { x: 'rows' }, output_map: { y: 'once.y' } },
          { model_name: 'double', model_version: 1, input_map: { x: 'once.y' }, output_map: { y: 'four' } },
          { model_name: 'less', model_version: 1, input_map: { a: 'four', b: 'rows' }, output_map: { d: 'out' } },
        ],
      },
    });
    const typed = await get('/v2/models/typed/config');
    expect(typed).toMatchObject({ input: [{ name: 'texts', data_type: 'TYPE_STRING' }], ensemble_scheduling: { step: [{ output_map: { n: 'numbers.n' } }, { model_name: 'triple' }] } });
    const caller = createGrpcCaller(serving.grpcAddress, inferenceProto, INFERENCE_SERVICE);
    const { ok } = await caller.call('ModelConfig', { name: 'triple' });
    expect(ok).toMatchObject({ config: { schedulingChoice: 'ensembleScheduling', ensembleScheduling: { step: [{ inputMap: { x: 'rows' }, outputMap: { y: 'once.y' } }, {}, {}] } } });
    caller.close();
  });

  it('and what it runs count what they did', async () => {
    const read = async (model: string) => ((await get(`/v2/models/${model}/stats`)) as { model_stats: [{ inference_count: number; execution_count: number; inference_stats: { success: { count: number } } }] }).model_stats[0];
    const before = await Promise.all([read('triple'), read('double')]);
    await infer('triple', rows([1, 2, 3, 4]));
    const [triple, double] = await Promise.all([read('triple'), read('double')]);
    expect([triple.inference_count - before[0].inference_count, triple.inference_stats.success.count - before[0].inference_stats.success.count]).toEqual([2, 1]);
    // Two runs, that nobody asked its own model for.
    expect([double.execution_count - before[1].execution_count, double.inference_count - before[1].inference_count]).toEqual([2, 0]);
    const all = (await get('/v2/models/stats')) as { model_stats: readonly { name: string }[] };
    expect(new Set(all.model_stats.map(({ name }) => name))).toEqual(new Set(['double', 'less', 'parse', 'triple', 'typed']));
  });

  it('answers each caller its own, however many come at once to it and to what it runs', async () => {
    const callers = Array.from({ length: 30 }, (_, n) => [n, -n]);
    const answers = await Promise.all(callers.map((data, n) => (n % 3 === 0 ? infer('double', [{ ...rows(data)[0], name: 'x' }]) : infer('triple', rows(data)))));
    expect(answers.map(({ body }) => body.outputs[0]!.data)).toEqual(callers.map((data, n) => data.map((value) => value * (n % 3 === 0 ? 2 : 3) + 0)));
  });

  it('names the step that failed, and goes on', async () => {
    const failed = await infer('typed', texts(['seven', '8']));
    expect(failed).toMatchObject({ status: 500, body: { code: 'SERVING_SESSION_FAILED', error: expect.stringContaining("Step 'numbers' of model 'typed' version 1: ") as string } });
    expect((await infer('typed', texts(['7', '8']))).body.outputs).toMatchObject([{ data: [21, 24] }]);
  });

  it('refuses what does not fit as any model, before a step runs', async () => {
    expect(await infer('triple', [{ name: 'rows', datatype: 'FP32', shape: [1, 3], data: [1, 2, 3] }])).toMatchObject({
      status: 400,
      body: { code: 'REQUEST_INVALID', error: expect.stringContaining("input 'rows': expected shape [-1, 2], found [1, 3]") as string },
    });
  });

  it('is refused with Retry-After where the queue of a step is full, and answers all that it takes', async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => infer('triple', rows(Array.from({ length: 40 }, () => n)))));
    const refused = answers.filter(({ status }) => status === 429);
    for (const { body, retryAfter } of refused) {
      expect(body).toMatchObject({ code: 'SERVING_OVERLOADED', error: expect.stringMatching(/^Step '\w+' of model 'triple' version 1: .*rows wait already/) as string });
      expect(Number(retryAfter)).toBeGreaterThan(0);
    }
    expect(refused.length).toBeGreaterThan(0);
    for (const [n, { status, body }] of answers.entries()) {
      if (status === 200) expect(body.outputs[0]!.data).toEqual(Array.from({ length: 40 }, () => 3 * n));
      else expect(status).toBe(429);
    }
  });

  it('runs what it was imported with, whatever is promoted since', async () => {
    const negative = onnxFile({ nodes: [['Neg', ['x'], 'y']], inputs: [pairs('x')], outputs: [pairs('y')] });
    await promoteTensors(stage.registry, 'double', negative);
    await vi.waitFor(async () => expect((await infer('double', [{ ...rows([1, 2])[0], name: 'x' }])).body.outputs).toMatchObject([{ data: [-1, -2] }]), { timeout: 30_000, interval: 100 });
    expect((await infer('triple', rows([1, 2]))).body.outputs).toMatchObject([{ data: [3, 6] }, {}]);
    await promoteTensors(stage.registry, 'double', double);
  });

  it('is replaced under load without a lost request, and no answer is of two versions', async () => {
    let stopped = false;
    const seen = new Map<string, number>();
    const load = Array.from({ length: 6 }, async (_, caller) => {
      for (let n = 1; !stopped; n++) {
        const { status, body } = await infer('triple', rows([n, caller]));
        expect(status, body.error).toBe(200);
        const factor = body.model_version === '1' ? 3 : 1;
        expect(body.outputs.map(({ data }) => data)).toEqual([[n, caller].map((value) => factor * value), [n, caller].map((value) => (factor + 1) * value)]);
        seen.set(body.model_version, (seen.get(body.model_version) ?? 0) + 1);
      }
    });
    await promoteEnsemble(stage.registry, 'triple', { ...same, steps: same.steps.map((step) => ({ ...step, version: 1 })) });
    await vi.waitFor(() => expect(seen.get('2') ?? 0).toBeGreaterThan(20), { timeout: 30_000, interval: 20 });
    stopped = true;
    await Promise.all(load);
    expect(seen.get('1')).toBeGreaterThan(0);
    // Another ensemble pins the version that was replaced.
    expect((await infer('typed', texts(['1', '2']))).body.outputs).toMatchObject([{ data: [3, 6] }]);
  });
});
