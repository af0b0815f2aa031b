import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { processEnvironment } from '../../../../src/infra/process-environment.ts';
import { runTool } from '../../../../stack/run-tool.ts';
import { pythonEnvironment } from '../../../support/python-environment.ts';
import { createAccessFiles, createRoleKeys } from '../../../support/access-stage.ts';
import { createServingStage, WEIGHTS, type ServingStage } from '../../../support/serving/serving-stage.ts';
import { tinyScore, type TinyModel } from '../../../support/serving/tiny-onnx.ts';

const here = (file: string): URL => new URL(file, import.meta.url);
const tiny: TinyModel = { weights: WEIGHTS, bias: -0.3 };

type Output = readonly [values: readonly (number | boolean)[], dtype: string, shape: readonly number[]];
interface Answered {
  readonly outputs: Readonly<Record<string, Output>>;
  readonly response: Readonly<Record<string, unknown>>;
}
type Refused = { readonly status: string; readonly message: string } | null;
interface Controlled {
  readonly ready: readonly [server: boolean, model: boolean];
  readonly index: unknown;
  readonly infer: Refused;
}
interface Side {
  readonly control: { readonly [what: string]: Refused } & Readonly<Record<'unloaded' | 'loaded', Controlled>>;
  readonly health: Readonly<Record<string, boolean>>;
  readonly metadata: Readonly<Record<'server' | 'model' | 'named' | 'index', unknown>>;
  readonly inference: Readonly<Record<string, Answered>>;
  readonly refusals: Readonly<Record<string, Refused>>;
  readonly configured: Readonly<Record<string, unknown>>;
  readonly streamed: readonly (Answered & { readonly error?: string })[];
}
/** Numbers of 64 bits are text in the JSON of protobuf. */
type Duration = { readonly count?: number | string; readonly ns?: number | string };
interface Statistics {
  readonly name: string;
  readonly version: string;
  readonly last_inference: number | string;
  readonly inference_count: number | string;
  readonly execution_count: number | string;
  readonly inference_stats: Readonly<Record<string, Duration>>;
  readonly batch_stats: readonly { readonly batch_size: number | string; readonly compute_infer: Duration }[];
}
interface Calls {
  readonly rows: readonly (readonly number[])[];
  readonly http: Side;
  readonly grpc: Side;
}

const python = await pythonEnvironment('tritonclient', here('requirements.txt'));

const files = createAccessFiles();
let stage: ServingStage;
let calls: Calls;
let scores: number[];
let version: number;

describe.skipIf(python === undefined)('the clients of Triton, unchanged', () => {
  beforeAll(async () => {
    stage = await createServingStage();
    version = await stage.register(tiny);
    await stage.allocate({ champion: version });
    const { keys, entries } = createRoleKeys('admin');
    const serving = await stage.serve({ MILLRACE_SERVING_API_KEYS_FILE: files.write('keys.json', { keys: entries }) });
    await vi.waitFor(() => expect(serving.dataPlane.ready).toBe(true), { timeout: 30_000, interval: 50 });
    const args = [fileURLToPath(here('triton_calls.py')), new URL(serving.url).host, serving.grpcAddress, String(version), keys.admin];
    const printed = await runTool({
      program: python!,
      args,
      environment: processEnvironment(),
      signal: new AbortController().signal,
      timeoutMs: 60_000,
    });
    calls = JSON.parse(printed) as Calls;
    scores = calls.rows.map((row) => tinyScore(tiny, row));
  });
  afterAll(async () => {
    await stage.close();
    files.remove();
  });

  const spec = (name: string, datatype: string, shape: number[]) => ({ name, datatype, shape });

  it.each(['http', 'grpc'] as const)('see over %s what is live and ready', (side) => {
    expect(calls[side].health).toEqual({ live: true, ready: true, model: true, version: true, otherVersion: false });
  });

  it('see over HTTP the server, its models and their tensors', () => {
    const { server, model, named, index } = calls.http.metadata;
    expect(server).toEqual({ name: 'millrace', version: '0.1.0', extensions: ['binary_tensor_data', 'model_repository', 'model_configuration', 'statistics'] });
    expect(model).toEqual({
      name: 'delay',
      versions: [String(version)],
      platform: 'onnxruntime_onnx',
      inputs: [spec('features', 'FP32', [-1, 4])],
      outputs: [spec('score', 'FP32', [-1]), spec('label', 'BOOL', [-1])],
    });
    expect(named).toEqual(model);
    expect(index).toEqual([{ name: 'delay', version: String(version), state: 'READY', reason: '' }]);
  });

  it('see the same over gRPC', () => {
    const { server, model, named, index } = calls.grpc.metadata;
    expect(server).toEqual(calls.http.metadata.server);
    expect(model).toMatchObject({
      name: 'delay',
      versions: [String(version)],
      inputs: [{ name: 'features', datatype: 'FP32', shape: ['-1', '4'] }],
      outputs: [{ name: 'score', shape: ['-1'] }, { name: 'label', datatype: 'BOOL' }],
    });
    expect(named).toEqual(model);
    expect(index).toEqual({ models: [{ name: 'delay', version: String(version), state: 'READY' }] });
  });

  it.each(['http', 'grpc'] as const)('get over %s the scores and labels, however they ask', (side) => {
    for (const [how, { outputs, response }] of Object.entries(calls[side].inference)) {
      const repeats = side === 'http' && (how === 'gzip' || how === 'deflate') ? 100 : 1;
      const wanted = Array.from({ length: repeats }, () => scores).flat();
      for (const [name, [values, dtype, shape]] of Object.entries(outputs)) {
        expect([how, name, dtype, shape]).toEqual([how, name, name === 'score' ? 'float32' : 'bool', [wanted.length]]);
        if (name === 'label') expect(values).toEqual(wanted.map((score) => score >= 0.5));
        else values.forEach((value, i) => expect(value).toBeCloseTo(wanted[i]!, 5));
      }
      expect(response).toMatchObject({ model_name: 'delay', model_version: String(version) });
    }
    expect(Object.values(calls[side].inference)[0]!.response['id']).toBe('abc');
    expect(Object.keys(calls[side].inference).length).toBeGreaterThan(5);
  });

  it.each([
    ['unknown model', '404', 'NOT_FOUND', "Model 'nobody' is not in the project"],
    ['unknown version', '404', 'NOT_FOUND', "version '99' is not loaded here"],
    ['wrong datatype', '400', 'INVALID_ARGUMENT', 'expected datatype FP32, found FP64'],
    ['wrong shape', '400', 'INVALID_ARGUMENT', 'expected shape [-1, 4], found [3, 2]'],
    ['no rows', '400', 'INVALID_ARGUMENT', 'expected 1 to 1000 rows, found 0'],
    ['unknown output', '400', 'INVALID_ARGUMENT', "output 'nothing': the model answers 'score', 'label'"],
    ["unknown model's metadata", '404', 'NOT_FOUND', "Model 'nobody' is not in the project"],
  ])('are told of an %s', (what, httpStatus, grpcStatus, why) => {
    expect(calls.http.refusals[what]).toMatchObject({ status: httpStatus, message: expect.stringContaining(why) as string });
    expect(calls.grpc.refusals[what]).toMatchObject({
      status: `StatusCode.${grpcStatus}`,
      message: expect.stringContaining(why) as string,
    });
  });

  it('stream requests and have each answered in its turn, a wrong one too', () => {
    const { streamed } = calls.grpc;
    expect(streamed.map(({ error, response }) => error ?? response['id'])).toEqual(['0', expect.stringContaining('expected shape [-1, 4], found [3, 2]'), '2', '3']);
    const found = streamed.flatMap(({ outputs }) => outputs?.['score']?.[0] ?? []);
    found.forEach((score, i) => expect(score).toBeCloseTo(scores[i]!, 5));
    expect(found).toHaveLength(scores.length);
  });

  it.each(['http', 'grpc'] as const)('see over %s how a model is served', (side) => {
    const { config, unknown } = calls[side].configured;
    const long = (value: number) => (side === 'http' ? value : String(value));
    expect(side === 'http' ? config : (config as { config: unknown }).config).toMatchObject({
      name: 'delay',
      platform: 'onnxruntime_onnx',
      backend: 'onnxruntime',
      version_policy: { specific: { versions: [long(version)] } },
      max_batch_size: 16,
      input: [{ name: 'features', data_type: 'TYPE_FP32', dims: [long(4)] }],
      output: [{ name: 'score', data_type: 'TYPE_FP32' }, { name: 'label', data_type: 'TYPE_BOOL' }],
      instance_group: [{ name: 'delay', kind: 'KIND_CPU', count: 1 }],
      dynamic_batching: { priority_levels: long(3), default_priority_level: long(2), default_queue_policy: { default_timeout_microseconds: long(20_000_000), allow_timeout_override: true } },
      parameters: { digest: { string_value: expect.stringMatching(/^[0-9a-f]{64}$/) as string } },
    });
    expect(unknown).toMatchObject({ message: expect.stringContaining("Model 'nobody' is not in the project") as string });
  });

  it.each(['http', 'grpc'] as const)('see over %s what a model has done, to the row', (side) => {
    const { statistics, all } = calls[side].configured as Record<string, { model_stats: readonly Statistics[] }>;
    expect(all).toEqual(statistics);
    const [found, ...others] = statistics!.model_stats;
    expect([others, found!.name, found!.version]).toEqual([[], 'delay', String(version)]);
    const { success, fail = {}, queue, compute_infer: compute } = found!.inference_stats;
    const number = (value: string | number = 0): number => Number(value);
    // Those before it: unloading, and the other side.
    const least = Object.keys(calls[side].inference).length;
    expect(number(success!.count)).toBeGreaterThanOrEqual(least);
    expect([queue!.count, compute!.count, number(fail.count)]).toEqual([success!.count, success!.count, 0]);
    expect(number(success!.ns)).toBeGreaterThan(number(compute!.ns));
    const batches = found!.batch_stats.map(({ batch_size: rows, compute_infer: { count } }) => [number(rows), number(count)] as const);
    expect(batches.reduce((sum, [rows, count]) => sum + rows * count, 0)).toBe(number(found!.inference_count));
    expect(batches.reduce((sum, [, count]) => sum + count, 0)).toBe(number(found!.execution_count));
    expect(batches.map(([rows]) => rows)).toContain(scores.length);
    expect(Math.abs(Date.now() - number(found!.last_inference))).toBeLessThan(120_000);
  });

  it.each(['http', 'grpc'] as const)('unload a model over %s and load it again, with a key', (side) => {
    const { control } = calls[side];
    const entry = (state: string, reason: string) => {
      const entries = [{ name: 'delay', version: String(version), state, ...(side === 'grpc' && reason === '' ? {} : { reason }) }];
      return side === 'http' ? entries : { models: entries };
    };
    const statusOf = (http: string, grpc: string) => (side === 'http' ? http : `StatusCode.${grpc}`);
    expect(control['without a key']).toMatchObject({ status: statusOf('401', 'UNAUTHENTICATED') });
    expect(control['unknown']).toMatchObject({ status: statusOf('404', 'NOT_FOUND') });
    expect(control['with a configuration']).toMatchObject({ status: statusOf('400', 'INVALID_ARGUMENT') });
    expect(control.unloaded).toEqual({
      ready: [true, false],
      index: entry('UNAVAILABLE', 'unloaded'),
      infer: { status: statusOf('503', 'UNAVAILABLE'), message: expect.stringContaining('an operator unloaded it from this process') as string },
    });
    expect(control.loaded).toEqual({ ready: [true, true], index: entry('READY', ''), infer: null });
  });
});
