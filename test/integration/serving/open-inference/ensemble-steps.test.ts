import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RunningServing } from '../../../../serving/start-serving.ts';
import { importEnsemble } from '../../../../src/training/import/import-ensemble.ts';
import { createAccessFiles, createRoleKeys } from '../../../support/access-stage.ts';
import { createServingStage, type ServingStage } from '../../../support/serving/serving-stage.ts';
import { promoteTensors } from '../../../support/serving/tensor-model.ts';
import { TROUBLED_SCORE, troubledOnnx, troubles } from '../../../support/serving/troubled-onnx.ts';
import { onnxFile } from '../../../support/training/onnx-file.ts';

const column = ['rows', 1] as const;
/** One number for all rows: requests don't share its runs. */
const mean = onnxFile({ nodes: [['ReduceMean', ['x'], 'm', { keepdims: 1 }]], inputs: [['x', 'float32', column]], outputs: [['m', 'float32', [1, 1]]] });
/** d = a - b, of which one row of b is taken for all of a. */
const less = onnxFile({ nodes: [['Sub', ['a', 'b'], 'd']], inputs: [['a', 'float32', column], ['b', 'float32', column]], outputs: [['d', 'float32', column]] });

const files = createAccessFiles();
const { keys, entries } = createRoleKeys('operate', 'predict');
let stage: ServingStage;
let serving: RunningServing;

async function promoteEnsemble(model: string, document: object): Promise<void> {
  const { registry } = stage;
  const imported = await importEnsemble({
    model,
    file: { name: 'ensemble.json', bytes: Buffer.from(JSON.stringify(document)) },
    by: 'test',
    reason: 'a test',
    championOf: async (name) => (await registry.getAllocation(name))?.champion ?? null,
    readMember: (step) => registry.readTensorBundle(step.model, step.version),
  });
  await registry.registerTensorModel(model);
  const { version } = await registry.registerVersion({ ...imported, model, actor: 'test', reason: 'a test' });
  const present = await registry.getAllocation(model);
  await registry.setAllocation({ model, expectedRevision: present?.revision ?? null, champion: version, canary: null, shadow: null, actor: 'test', action: 'promote', reason: 'a test' });
}

beforeAll(async () => {
  stage = await createServingStage();
  await promoteTensors(stage.registry, 'mean', mean);
  await promoteTensors(stage.registry, 'less', less);
  await promoteTensors(stage.registry, 'troubled', Buffer.from(troubledOnnx()));
  await promoteEnsemble('centred', {
    steps: [{ name: 'middle', model: 'mean', inputs: { x: 'x' } }, { name: 'apart', model: 'less', inputs: { a: 'x', b: 'middle.m' } }],
    outputs: { d: 'apart.d' },
  });
  await promoteEnsemble('wrapped', { steps: [{ name: 'inner', model: 'troubled', inputs: { features: 'features' } }], outputs: { score: 'inner.score' } });
  serving = await stage.serve({ MILLRACE_SERVING_API_KEYS_FILE: files.write('keys.json', { keys: entries }), MILLRACE_SERVING_RUN_TIMEOUT_MS: '500' });
  for (const model of ['centred', 'less', 'wrapped'])
    await vi.waitFor(async () => expect((await fetch(`${serving.url}/v2/models/${model}/ready`)).status).toBe(200), { timeout: 60_000, interval: 100 });
});
afterAll(async () => {
  await stage.close();
  files.remove();
});

async function post(path: string, body: object, key = keys.predict) {
  const response = await fetch(serving.url + path, { method: 'POST', headers: { 'x-api-key': key, 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as { outputs?: { data: number[] }[]; code?: string; error?: string } };
}
const infer = (model: string, inputs: Record<string, number[]>, columns = 1, parameters = {}) =>
  post(`/v2/models/${model}/infer`, { parameters, inputs: Object.entries(inputs).map(([name, data]) => ({ name, datatype: 'FP32', shape: [data.length / columns, columns], data })) });
const troubled = (trouble: number, parameters = {}) => infer('wrapped', { features: [0, 0, trouble, 0] }, 4, parameters);

describe('the steps of an ensemble', () => {
  it('give each caller its own where one hands another fewer rows than that one has', async () => {
    const callers = Array.from({ length: 120 }, (_, n) => Array.from({ length: 2 + (n % 5) }, (_row, i) => 16 * n + i * i));
    const answers = await Promise.all(
      callers.map((values, n) => (n % 2 === 0 ? infer('centred', { x: values }) : infer('less', { a: values, b: values.map((value) => value / 2) }))),
    );
    for (const [n, { status, body }] of answers.entries()) {
      const values = callers[n]!;
      const middle = values.reduce((a, b) => a + b) / values.length;
      expect(status, body.error).toBe(200);
      for (const [row, value] of values.entries()) expect(body.outputs![0]!.data[row]).toBeCloseTo(n % 2 === 0 ? value - middle : value / 2, 2);
    }
  });

  it('end with the deadline of the request, or with the session that hangs, and serve on', async () => {
    expect(await troubled(troubles.none)).toMatchObject({ status: 200, body: { outputs: [{ data: [TROUBLED_SCORE] }] } });
    const late = await troubled(troubles.hang, { timeout: 100_000 });
    expect(late).toMatchObject({ status: 504, body: { code: 'SERVING_DEADLINE_EXCEEDED', error: expect.stringContaining("Step 'inner' of model 'wrapped' version 1: ") as string } });
    const hung = await troubled(troubles.hang);
    expect(hung).toMatchObject({ status: 503, body: { code: 'SERVING_SESSION_LOST', error: expect.stringContaining("Step 'inner'") as string } });
    expect(await troubled(troubles.none)).toMatchObject({ status: 200 });
  });

  it('stay where their own model is unloaded, and are not loaded twice when it comes back', async () => {
    const control = (what: 'load' | 'unload', model: string) => post(`/v2/repository/models/${model}/${what}`, {}, keys.operate);
    expect(await control('unload', 'troubled')).toMatchObject({ status: 200 });
    expect(await infer('troubled', { features: [0, 0, 0, 0] }, 4)).toMatchObject({ status: 503, body: { code: 'MODEL_NOT_READY' } });
    expect(await troubled(troubles.none)).toMatchObject({ status: 200 });
    const metrics = await (await fetch(`${serving.url}/metrics`, { headers: { authorization: `Bearer ${keys.operate}` } })).text();
    expect(metrics).toMatch(/^millrace_model_version_info\{model="troubled",version="1",role="member",/m);
    expect(metrics).toMatch(/^millrace_inference_queue_rows\{model="troubled",.*\} 0$/m);
    expect(await control('load', 'troubled')).toMatchObject({ status: 200 });
    expect(await infer('troubled', { features: [0, 0, 0, 0] }, 4)).toMatchObject({ status: 200 });
    expect(await control('unload', 'wrapped')).toMatchObject({ status: 200 });
    expect(await troubled(troubles.none)).toMatchObject({ status: 503, body: { code: 'MODEL_NOT_READY' } });
    expect(await infer('troubled', { features: [0, 0, 0, 0] }, 4)).toMatchObject({ status: 200 });
  });
});
