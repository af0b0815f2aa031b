import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Decision } from '../../../src/contracts/decision.ts';
import type { VersionMetrics } from '../../../src/contracts/model-bundle.ts';
import type { Registry } from '../../../src/registry/registry.ts';
import type { RunningServing } from '../../../serving/start-serving.ts';
import { processEnvironment } from '../../../src/infra/process-environment.ts';
import { runTool } from '../../../stack/run-tool.ts';
import { TOPICS } from '../../support/import/fill-tickets.ts';
import { openImportStage, type ImportStage } from '../../support/import/import-stage.ts';
import { rowOfDecision } from '../../support/import/row-of-decision.ts';
import { pythonEnvironment } from '../../support/python-environment.ts';

const repository = new URL('../../../', import.meta.url);
const example = (file: string): string => fileURLToPath(new URL(`examples/flights/lightgbm/${file}`, repository));
const python = await pythonEnvironment('lightgbm-example', new URL('examples/flights/lightgbm/requirements.txt', repository));

/** Probabilities as a converter gives them unless it is told otherwise. */
const ZIP_MAPPED = `
import sys, numpy as np, lightgbm, onnx
from onnxmltools.convert import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType
x = np.arange(2000, dtype=np.float32).reshape(500, 4)
model = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, lightgbm.Dataset(x, x[:, 0] % 3 == 0), 2)
onnx.save(convert_lightgbm(model, initial_types=[("x", FloatTensorType([None, 4]))], target_opset=15), sys.argv[1])
`;

let stage: ImportStage;
let registry: Registry;
let serving: RunningServing;
let folder: string;
let trained: { rows: { training: number; holdout: number }; auc: number; logLoss: number };
let imported: { version: number; existed: boolean; metrics: VersionMetrics; imported: object; notes: string[] };

const runPython = (args: string[]) =>
  runTool({ program: python!, args, environment: processEnvironment(), signal: new AbortController().signal, timeoutMs: 120_000 });

/** ONNX Runtime itself, without anything of Millrace: the second of the class probabilities. */
async function scoreDirectly(features: Float32Array, columns: number): Promise<number[]> {
  // One thread, as in serving: more of them add up the trees in another order.
  const threads = { intraOpNumThreads: 1, interOpNumThreads: 1 };
  const session = await InferenceSession.create(path.join(stage.dataDir, 'lightgbm-rows', 'lightgbm.onnx'), threads);
  const rows = features.length / columns;
  const { probabilities } = await session.run({ features: new Tensor('float32', features, [rows, columns]) }, ['probabilities']);
  return Array.from({ length: rows }, (_, row) => (probabilities!.data as Float32Array)[row * 2 + 1]!);
}

describe.skipIf(python === undefined)('a model that was trained in Python', () => {
  beforeAll(async () => {
    stage = await openImportStage();
    registry = stage.registry;
    folder = mkdtempSync(path.join(tmpdir(), 'millrace-zip-mapped-'));
    const script = ['--import', 'tsx', example('import-lightgbm.ts'), '--data-dir', stage.dataDir, '--project', stage.project];
    const printed = await runTool({
      program: process.execPath,
      args: [...script, '--model', 'comes_back', '--python', path.dirname(path.dirname(python!))],
      environment: processEnvironment(),
      signal: new AbortController().signal,
      timeoutMs: 180_000,
    });
    const said = JSON.parse(printed) as { trained: typeof trained; version: typeof imported };
    trained = said.trained;
    imported = said.version;
    serving = await stage.serve();
  });
  afterAll(async () => {
    await stage.close();
    rmSync(folder, { recursive: true });
  });

  it('is registered with where it is from, and evaluated as Python evaluates it', () => {
    expect(imported).toMatchObject({ version: 1, existed: false, notes: [] });
    expect(imported.imported).toMatchObject({ file: 'lightgbm.onnx', producerName: 'OnnxMLTools', by: expect.stringMatching(/^cli/) as string });
    const { candidate } = imported.metrics;
    expect(candidate?.overall.rows).toBe(trained.rows.holdout);
    // LightGBM compares in float64, ONNX's trees in float32.
    expect(candidate?.overall.auc).toBeCloseTo(trained.auc, 3);
    expect(candidate?.overall.logLoss).toBeCloseTo(trained.logLoss, 3);
    expect(trained.auc).toBeGreaterThan(0.65);
  });

  it('is the same version when the same file comes again, and stands in the list and the ledger', async () => {
    const rows = path.join(stage.dataDir, 'lightgbm-rows');
    const argv = ['models', 'import', 'comes_back', path.join(rows, 'lightgbm.onnx'), '--columns', path.join(rows, 'columns.json')];
    const again = await stage.run(...argv, '--reason', 'LightGBM, trained in Python');
    expect(again.stdout).toMatch(/^version +1 \(registered before\)$/m);
    expect(again.stdout).toMatch(/^made by +OnnxMLTools 1\.16\.0$/m);
    expect((await stage.run('models', 'comes_back')).stdout).toMatch(/^1 +— +0\.\d{4} +0\.\d{4} +0 +2024-03-\S+ +import$/m);
    const [entry] = await registry.ledger('comes_back');
    expect(entry).toMatchObject({ action: 'register', version: 1, reason: 'import of lightgbm.onnx: LightGBM, trained in Python' });
  });

  it('is loaded and verified by serving, and scores rows as ONNX Runtime does, to the bit', async () => {
    const allocation = { champion: 1, canary: null, shadow: null, actor: 'test', action: 'promote', reason: 'a test' };
    await registry.setAllocation({ model: 'comes_back', expectedRevision: null, ...allocation });
    await vi.waitFor(() => expect(serving.dataPlane.model('comes_back').router.routes.champion).not.toBeNull(), { timeout: 30_000 });
    const file = readFileSync(path.join(stage.dataDir, 'lightgbm-rows', 'features.npy'));
    const features = new Float32Array(Uint8Array.from(file.subarray(10 + file.readUInt16LE(8))).buffer).slice(0, 500 * 4);
    const expected = await scoreDirectly(features, 4);
    const inputs = [{ name: 'features', datatype: 'FP32', shape: [500, 4], data: [...features].map((value) => (Number.isNaN(value) ? null : value)) }];
    const response = await fetch(`${serving.url}/v2/models/comes_back/infer`, { method: 'POST', body: JSON.stringify({ inputs }) });
    const body = (await response.json()) as { outputs: { name: string; data: number[] }[] };
    expect(body.outputs[0]?.data.map(Math.fround)).toEqual(expected);
    expect(features.some(Number.isNaN)).toBe(true);
    expect(new Set(expected).size).toBeGreaterThan(100);
  });

  it('predicts by keys and request fields what ONNX Runtime says of the row in the decision', async () => {
    const instances = TOPICS.concat('unheard of').map((topic, n) => ({ deskId: `d${n}`, ticketId: `new${n}`, topic, minutes: n === 1 ? null : 3 * n }));
    const response = await fetch(`${serving.url}/v1/models/comes_back/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ instances }),
    });
    const answered = (await response.json()) as { predictions: { decisionId: string; score: number }[] };
    const { predictions } = answered;
    expect(predictions, JSON.stringify(answered)).toHaveLength(instances.length);
    const { signature } = await registry.readBundle('comes_back', 1);
    for (const { decisionId, score } of predictions) {
      const decision = await vi.waitFor(async () => (await fetch(`${serving.url}/v1/decisions/${decisionId}`)).json() as Promise<Decision>);
      expect(await scoreDirectly(rowOfDecision(decision, signature), 4)).toEqual([Math.fround(score)]);
    }
  });

  it('is refused with probabilities in maps, as converters give them by default', async () => {
    const file = path.join(folder, 'zip-mapped.onnx');
    await runPython(['-c', ZIP_MAPPED, file]);
    const columns = path.join(stage.dataDir, 'lightgbm-rows', 'columns.json');
    const { exitCode, stderr } = await stage.run('models', 'import', 'comes_back', file, '--columns', columns);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("export it with zipmap=False, so that class probabilities are a tensor. Nothing was registered. (MODEL_IMPORT_INVALID)");
    expect(await registry.listVersions('comes_back')).toHaveLength(1);
  });

  it('is not taken for a model that is not there', async () => {
    expect(await stage.run('models', 'import', 'nobody', 'any.onnx')).toMatchObject({ exitCode: 4 });
    expect(await stage.run('models', 'import', 'comes_back', 'any.onnx', '--threshold', '2')).toMatchObject({ exitCode: 2 });
  });
});
