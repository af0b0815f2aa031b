import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Decision } from '../../../src/contracts/decision.ts';
import type { Registry } from '../../../src/registry/registry.ts';
import type { RunningServing } from '../../../serving/start-serving.ts';
import { openImportStage, type ImportStage } from '../../support/import/import-stage.ts';
import { rowOfDecision } from '../../support/import/row-of-decision.ts';
import { denseNetwork, denseScore, saveModel, testTensorflow, type DenseLayer } from '../../support/tensorflow/saved-model.ts';
import { onnxFile } from '../../support/training/onnx-file.ts';

const tf = await testTensorflow();
/** In place of null. */
const NULL_AS = 13;
const WEIGHTS = [0.01, -0.02, 0.12, 0.3];
const BIAS = -1.5;
const layers: DenseLayer[] = [{ name: 'score', kernel: WEIGHTS.map((weight) => [weight]), bias: [BIAS], activation: 'sigmoid' }];
const scoreOf = (row: ArrayLike<number>): number => denseScore(layers, Array.from(row, (value) => (Number.isNaN(value) ? NULL_AS : value)))[0]!;

/** The same network as ONNX. */
const onnx = onnxFile({
  nodes: [
    ['IsNaN', ['x'], 'isNull'],
    ['Where', ['isNull', 'null', 'x'], 'filled'],
    ['MatMul', ['filled', 'w'], 'weighted'],
    ['Add', ['weighted', 'bias'], 'z'],
    ['Sigmoid', ['z'], 'p'],
  ],
  inputs: [['x', 'float32', ['rows', WEIGHTS.length]]],
  outputs: [['p', 'float32', ['rows', 1]]],
  constants: [
    ['null', Float32Array.of(NULL_AS), []],
    ['w', Float32Array.from(WEIGHTS), [WEIGHTS.length, 1]],
    ['bias', Float32Array.of(BIAS), []],
  ],
});

interface Imported {
  readonly version: number;
  readonly metrics: { readonly candidate: { readonly overall: Overall }; readonly champion: { readonly overall: Overall } | null; readonly championVersion: number | null };
}
interface Overall {
  readonly auc: number;
  readonly logLoss: number;
}

let stage: ImportStage;
let registry: Registry;
let serving: RunningServing;
let folder: string;
let saved: string;

const importOne = async (...argv: string[]): Promise<Imported> => {
  const { exitCode, stdout, stderr } = await stage.run('models', 'import', ...argv, '--json');
  expect(exitCode, stderr).toBe(0);
  return JSON.parse(stdout) as Imported;
};
const promote = async (model: string, version: number): Promise<void> => {
  const { revision } = (await registry.getAllocation(model)) ?? { revision: null };
  await registry.setAllocation({ model, expectedRevision: revision, champion: version, canary: null, shadow: null, actor: 'test', action: 'promote', reason: 'a test' });
};
const get = async <T>(route: string): Promise<T> => (await fetch(`${serving.url}${route}`)).json() as Promise<T>;
const post = async <T>(route: string, body: object): Promise<T> => {
  const response = await fetch(`${serving.url}${route}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  return response.json() as Promise<T>;
};

beforeAll(async () => {
  stage = await openImportStage();
  registry = stage.registry;
  folder = mkdtempSync(path.join(tmpdir(), 'millrace-tfjs-import-'));
  saved = await saveModel(denseNetwork(tf, layers), path.join(folder, 'network'));
  serving = await stage.serve();
});
afterAll(async () => {
  await stage.close();
  rmSync(folder, { recursive: true });
});

describe('a TensorFlow.js model of a feature service', () => {
  const inputs = (rows: readonly (readonly (number | null)[])[]) => ({ inputs: [{ name: 'features', datatype: 'FP32', shape: [rows.length, WEIGHTS.length], data: rows.flat() }] });
  const asNumbers = (row: readonly (number | null)[]): number[] => row.map((value) => value ?? NaN);

  it('is evaluated beside an ONNX champion, and like it where both are the same network', async () => {
    const rows = path.join(folder, 'rows');
    expect(await stage.run('models', 'export-rows', 'comes_back', '--out', rows)).toMatchObject({ exitCode: 0 });
    const columns = path.join(rows, 'columns.json');
    writeFileSync(path.join(folder, 'network.onnx'), onnx);
    const first = await importOne('comes_back', path.join(folder, 'network.onnx'), '--columns', columns);
    await promote('comes_back', first.version);
    const { version, metrics } = await importOne('comes_back', saved, '--columns', columns, '--null-as', String(NULL_AS));
    expect(version).toBe(2);
    expect(metrics.championVersion).toBe(1);
    expect(metrics.candidate.overall.auc).toBeGreaterThan(0.6);
    expect(metrics.candidate.overall.logLoss).toBeCloseTo(metrics.champion!.overall.logLoss, 6);
    expect(metrics.candidate.overall.logLoss).toBeCloseTo(first.metrics.candidate.overall.logLoss, 6);
    const [entry] = await registry.ledger('comes_back');
    expect(entry).toMatchObject({ action: 'register', version: 2, reason: 'import of model.json: imported on the command line' });
  });

  it('replaces the champion, and scores raw rows as its weights say', async () => {
    await promote('comes_back', 2);
    await vi.waitFor(() => expect(serving.dataPlane.model('comes_back').router.routes.champion?.version).toBe(2), { timeout: 30_000 });
    expect(await get('/v2/models/comes_back')).toMatchObject({ platform: 'tensorflowjs' });
    expect(await get('/v1/models/comes_back')).toMatchObject({ versions: [{ version: 2, placement: 'child', provider: expect.stringMatching(/^(addon|tfjs-node|wasm)/) as string }] });
    const rows = Array.from({ length: 300 }, (_, n) => [n % 5, n % 7 === 0 ? null : n / 3, 40 - n, n % 4]);
    const { outputs } = await post<{ outputs: { data: number[] }[] }>('/v2/models/comes_back/infer', inputs(rows));
    for (const [i, score] of outputs[0]!.data.entries()) expect(score).toBeCloseTo(scoreOf(asNumbers(rows[i]!)), 5);
  });

  it('predicts by keys, with a decision whose row gives the score', async () => {
    const instances = [{ deskId: 'd1', ticketId: 'n1', topic: 'billing', minutes: 30 }, { deskId: 'd9', ticketId: 'n2', topic: null, minutes: null }];
    const { predictions } = await post<{ predictions: { decisionId: string; score: number }[] }>('/v1/models/comes_back/predict', { instances });
    const { signature } = await registry.readBundle('comes_back', 2);
    for (const { decisionId, score } of predictions) {
      const decision = await vi.waitFor(() => get<Decision>(`/v1/decisions/${decisionId}`));
      expect(scoreOf(rowOfDecision(decision, signature))).toBeCloseTo(score, 5);
    }
    expect(new Set(predictions.map(({ score }) => score)).size).toBe(2);
  });

  it('is refused without a number for null, where the network does not impute it', async () => {
    const { exitCode, stderr } = await stage.run('models', 'import', 'comes_back', saved, '--columns', path.join(folder, 'rows', 'columns.json'));
    expect(exitCode).toBe(2);
    expect(stderr).toContain('null reaches the graph as NaN: impute it in the graph, or name a number for it by --null-as. Nothing was registered. (MODEL_IMPORT_INVALID)');
  });
});

describe('a TensorFlow.js model of tensors of its own', () => {
  it('is imported, served over the Open Inference Protocol, and shares runs', async () => {
    const imported = await stage.run('models', 'import', 'network', saved, '--tensors', '--json');
    expect(imported).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(imported.stdout)).toMatchObject({
      batched: true,
      notes: [],
      inputs: [{ name: 'row', datatype: 'FP32', shape: [-1, WEIGHTS.length] }],
      outputs: [{ name: 'score', datatype: 'FP32', shape: [-1, 1] }],
      imported: { file: 'model.json', producerName: 'TensorFlow.js layers-model' },
    });
    await promote('network', 1);
    await vi.waitFor(async () => expect((await fetch(`${serving.url}/v2/models/network/ready`)).status).toBe(200), { timeout: 60_000, interval: 100 });
    expect(await get('/v2/models/network')).toMatchObject({ platform: 'tensorflowjs' });
    const rows = Array.from({ length: 20 }, (_, n) => [n, n / 2, -n, 1]);
    const answers = await Promise.all(
      rows.map((row) => post<{ outputs: { data: number[] }[] }>('/v2/models/network/infer', { inputs: [{ name: 'row', datatype: 'FP32', shape: [1, row.length], data: row }] })),
    );
    for (const [i, { outputs }] of answers.entries()) expect(outputs[0]!.data[0]).toBeCloseTo(scoreOf(rows[i]!), 5);
  });
});
