import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { processEnvironment } from '../../../../src/infra/process-environment.ts';
import { datatypeOfOnnx } from '../../../../src/registry/onnx-tensors.ts';
import type { RunningServing } from '../../../../serving/start-serving.ts';
import { runTool } from '../../../../stack/run-tool.ts';
import { pythonEnvironment } from '../../../support/python-environment.ts';
import { createServingStage, type ServingStage } from '../../../support/serving/serving-stage.ts';
import { promoteTensors } from '../../../support/serving/tensor-model.ts';
import { onnxFile, onnxTypes, type OnnxType } from '../../../support/training/onnx-file.ts';

const here = (file: string): URL => new URL(file, import.meta.url);
const python = await pythonEnvironment('tritonclient', here('requirements.txt'));

const types = Object.keys(onnxTypes) as OnnxType[];
const datatypeOf = (type: OnnxType): string => datatypeOfOnnx(type) as string;
/** Answers each input as it came, of every datatype. */
const identity = onnxFile({
  nodes: types.map((type) => ['Identity', [`in_${datatypeOf(type)}`], `out_${datatypeOf(type)}`]),
  inputs: types.map((type) => [`in_${datatypeOf(type)}`, type, ['rows', 2]]),
  outputs: types.map((type) => [`out_${datatypeOf(type)}`, type, ['rows', 2]]),
});
/** The mean of all rows: requests must not share a run of it. */
const mean = onnxFile({
  nodes: [['ReduceMean', ['x'], 'm', { keepdims: 1 }]],
  inputs: [['x', 'float64', ['rows', 2]]],
  outputs: [['m', 'float64', [1, 1]]],
});

type Refused = { readonly status: string; readonly message: string } | null;
interface Side {
  readonly metadata: { readonly inputs: readonly object[]; readonly outputs: readonly object[] };
  readonly all: Readonly<Record<string, boolean>>;
  readonly some: object;
  readonly mean: readonly (readonly number[])[];
  readonly refusals: Readonly<Record<string, Refused>>;
}

let stage: ServingStage;
let serving: RunningServing;

beforeAll(async () => {
  stage = await createServingStage();
  serving = await stage.serve({ MILLRACE_SERVING_QUEUE_ROWS_MAX: '5000' });
  // The process runs already when the models come.
  expect((await promoteTensors(stage.registry, 'identity', identity)).notes).toEqual([]);
  expect((await promoteTensors(stage.registry, 'mean', mean)).notes).toEqual([expect.stringContaining('requests run one at a time')]);
  for (const model of ['identity', 'mean'])
    await vi.waitFor(async () => expect((await fetch(`${serving.url}/v2/models/${model}/ready`)).status).toBe(200), { timeout: 60_000, interval: 100 });
});
afterAll(() => stage.close());

const infer = async (model: string, body: object) => {
  const response = await fetch(`${serving.url}/v2/models/${model}/infer`, { method: 'POST', body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as { outputs: { data: number[] }[]; code?: string; error?: string } };
};

describe.skipIf(python === undefined)('tensors of every datatype by the clients of Triton', () => {
  let sides: { readonly http: Side; readonly grpc: Side; readonly json: Readonly<Record<string, boolean>> };
  const names = types.map(datatypeOf).sort();
  const allSame = Object.fromEntries(names.map((name) => [name, true]));

  beforeAll(async () => {
    const printed = await runTool({
      program: python!,
      args: [fileURLToPath(here('triton_tensors.py')), new URL(serving.url).host, serving.grpcAddress],
      environment: processEnvironment(),
      signal: new AbortController().signal,
      timeoutMs: 60_000,
    });
    sides = JSON.parse(printed) as typeof sides;
  });

  it.each(['http', 'grpc'] as const)('come back over %s as they were sent, to the bit', (side) => {
    expect(sides[side].all).toEqual(allSame);
    expect(sides[side].some).toEqual({ names: ['out_INT64', 'out_BYTES'], same: [true, true] });
    expect(sides[side].mean).toEqual([[3.5]]);
  });

  it('come back in JSON, halves as binary', () => {
    expect(sides.json).toEqual(allSame);
  });

  it('are in the metadata with their shapes', () => {
    const spec = (prefix: string) => types.map((type) => ({ name: `${prefix}_${datatypeOf(type)}`, datatype: datatypeOf(type), shape: [-1, 2] }));
    expect(sides.http.metadata).toMatchObject({ name: 'identity', versions: ['1'], platform: 'onnxruntime_onnx', inputs: spec('in'), outputs: spec('out') });
    const texts = (prefix: string) => spec(prefix).map((one) => ({ ...one, shape: one.shape.map(String) }));
    expect(sides.grpc.metadata).toMatchObject({ inputs: texts('in'), outputs: texts('out') });
  });

  it.each([
    ['shape', "input 'in_INT8': expected shape [-1, 2], found [3, 1]"],
    ['missing', "input 'in_FP32': it is missing"],
    ['output', "output 'nothing': the model answers 'out_FP32'"],
  ])('are refused with a wrong %s', (what, why) => {
    expect(sides.http.refusals[what]).toMatchObject({ status: '400', message: expect.stringContaining(why) as string });
    expect(sides.grpc.refusals[what]).toMatchObject({ status: 'StatusCode.INVALID_ARGUMENT', message: expect.stringContaining(why) as string });
  });
});

describe('models without a feature service', () => {
  const x = (values: number[]) => ({ inputs: [{ name: 'x', datatype: 'FP64', shape: [values.length / 2, 2], data: values }] });

  it('answer each caller its own, however many come at once', async () => {
    const callers = Array.from({ length: 40 }, (_, n) => [n, n + 1, n + 2, n + 3]);
    const means = await Promise.all(callers.map((values) => infer('mean', x(values))));
    expect(means.map(({ body }) => body.outputs[0]!.data)).toEqual(callers.map((values) => [values.reduce((a, b) => a + b) / 4]));
  });

  it('are among the models of readiness and of the metrics', async () => {
    const health = (await (await fetch(`${serving.url}/v1/health/ready`)).json()) as { ready: boolean; models: object[] };
    expect(health.ready).toBe(true);
    expect(health.models).toContainEqual({ model: 'identity', ready: true, state: 'version 1 serves' });
    const metrics = await (await fetch(`${serving.url}/metrics`)).text();
    expect(metrics).toMatch(/^millrace_model_version_info\{model="mean",version="1",role="champion",placement="child",provider="cpu",.*\} 1$/m);
    expect(metrics).toMatch(/^millrace_inference_queue_rows\{model="mean",.*\} 0$/m);
  });

  it('answer each caller its own where requests share runs', async () => {
    const twice = onnxFile({ nodes: [['Add', ['x', 'x'], 'y']], inputs: [['x', 'float64', ['rows', 2]]], outputs: [['y', 'float64', ['rows', 2]]] });
    expect((await promoteTensors(stage.registry, 'twice', twice)).notes).toEqual([]);
    await vi.waitFor(async () => expect((await infer('twice', x([1, 2]))).status).toBe(200), { timeout: 60_000, interval: 100 });
    const callers = Array.from({ length: 60 }, (_, n) => Array.from({ length: 2 * (1 + (n % 5)) }, (_, i) => 100 * n + i));
    const answers = await Promise.all(callers.map((values) => infer('twice', x(values))));
    expect(answers.map(({ body }) => body.outputs[0])).toEqual(
      callers.map((values) => ({ name: 'y', datatype: 'FP64', shape: [values.length / 2, 2], data: values.map((value) => 2 * value) })),
    );
    expect(await infer('twice', x(Array.from({ length: 2_002 }, () => 0)))).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID' } });
  });

  it('stand in the index and take no predictions by keys', async () => {
    const index = (await (await fetch(`${serving.url}/v2/repository/index`, { method: 'POST' })).json()) as { name: string }[];
    expect(index).toEqual(expect.arrayContaining([expect.objectContaining({ name: 'identity', version: '1', state: 'READY' })]));
    expect((await fetch(`${serving.url}/v1/models/identity/predict`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"instances":[{}]}' })).status).toBe(404);
  });

  it('are reported to the registry, so that promotions can wait for them', async () => {
    await vi.waitFor(async () => expect(await stage.registry.liveServing('mean')).toMatchObject([{ loaded: [1], rejected: [] }]), { timeout: 10_000 });
  });

  it('are replaced while they serve, and a version that is not loaded is named', async () => {
    const sum = onnxFile({ nodes: [['ReduceSum', ['x'], 'm', { keepdims: 1 }]], inputs: [['x', 'float64', ['rows', 2]]], outputs: [['m', 'float64', [1, 1]]] });
    await promoteTensors(stage.registry, 'mean', sum);
    await vi.waitFor(async () => expect((await infer('mean', x([1, 2]))).body.outputs).toMatchObject([{ data: [3] }]), { timeout: 60_000, interval: 100 });
    const response = await fetch(`${serving.url}/v2/models/mean/versions/1`);
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([404, 'MODEL_VERSION_NOT_FOUND']);
  });

  it('tell what a graph can not run, and go on', async () => {
    const cast = onnxFile({
      nodes: [['Cast', ['t'], 'n', { to: 6 }]],
      inputs: [['t', 'string', ['rows']]],
      outputs: [['n', 'int32', ['rows']]],
    });
    const { notes } = await promoteTensors(stage.registry, 'parse', cast);
    expect(notes).toEqual([expect.stringContaining('it fails on made inputs')]);
    const text = (data: string[]) => ({ inputs: [{ name: 't', datatype: 'BYTES', shape: [data.length], data }] });
    await vi.waitFor(async () => expect((await infer('parse', text(['7', '-2']))).body.outputs).toMatchObject([{ data: [7, -2] }]), { timeout: 60_000, interval: 100 });
    expect(await infer('parse', text(['seven']))).toMatchObject({ status: 500, body: { code: 'SERVING_SESSION_FAILED' } });
    expect(await infer('parse', text(['8']))).toMatchObject({ status: 200 });
    const noText = { inputs: [{ name: 't', datatype: 'BYTES', shape: [1], parameters: { binary_data_size: 5 } }] };
    const json = Buffer.from(JSON.stringify(noText));
    const body = Buffer.concat([json, Buffer.of(1, 0, 0, 0, 255)]);
    const response = await fetch(`${serving.url}/v2/models/parse/infer`, { method: 'POST', body, headers: { 'inference-header-content-length': String(json.length) } });
    expect([response.status, await response.text()]).toEqual([400, expect.stringContaining('element 0 is no text in UTF-8')]);
  });
});
