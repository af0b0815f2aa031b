import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { unpackModel } from '../../../../src/tensorflow/packed-model.ts';
import { readModelFile } from '../../../../src/training/import/read-model-file.ts';
import { denseNetwork, packedOf, saveModel, testTensorflow } from '../../../support/tensorflow/saved-model.ts';

const tf = await testTensorflow();
const network = denseNetwork(tf, [{ name: 'score', kernel: [[1], [2], [3]], bias: [4], activation: 'sigmoid' }]);
let folder: string;
let file: string;

interface Saved {
  format?: string;
  modelTopology?: object;
  weightsManifest: { paths: string[]; weights: { name: string; shape: number[]; dtype: string }[] }[];
}

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'millrace-saved-'));
  file = await saveModel(network, folder);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** The saved model, changed, in a file of its own beside its weights. */
function changed(change: (saved: Saved) => void): string {
  const saved = JSON.parse(readFileSync(file, 'utf8')) as Saved;
  change(saved);
  const other = path.join(folder, 'changed.json');
  writeFileSync(other, JSON.stringify(saved));
  return other;
}

it('makes one file of a saved model, with its weights in their order', async () => {
  const read = await readModelFile('m', file);
  expect(read).toMatchObject({ name: 'model.json', role: 'model.tfjs' });
  const { format, weights, weightSpecs, generatedBy } = unpackModel(read.bytes);
  expect({ format, weightSpecs }).toEqual({ format: 'layers-model', weightSpecs: unpackModel(await packedOf(network)).weightSpecs });
  expect(generatedBy).toContain('TensorFlow.js');
  expect([...new Float32Array(weights.slice().buffer)]).toEqual([1, 2, 3, 4]);
});

it('takes a model.json of before 1.0, which does not say that it is of layers', async () => {
  const { bytes } = await readModelFile('m', changed((saved) => delete saved.format));
  expect(unpackModel(bytes).format).toBe('layers-model');
});

it.each([
  ['no JSON', () => { const other = path.join(folder, 'broken.json'); writeFileSync(other, '{"format": '); return other; }, ['it begins like JSON and is none']],
  ['another JSON', () => changed((saved) => { delete saved.modelTopology; saved.format = 'saved-model'; }), ['as a model.json of TensorFlow.js: format', 'modelTopology']],
  ['weights elsewhere', () => changed((saved) => { saved.weightsManifest[0]!.paths = ['../a.bin', '/etc/hostname']; }), ["file of weights '../a.bin': expected a file beside model.json", "'/etc/hostname'"]],
  ['weights that are not there', () => changed((saved) => { saved.weightsManifest[0]!.paths.push('more.bin'); }), ["file of weights 'more.bin' could not be read (ENOENT"]],
  ['weights of another length', () => changed((saved) => { saved.weightsManifest[0]!.weights[0]!.shape = [4, 1]; }), ['its files of weights have 16 bytes, model.json tells of 20']],
  ['more files than are taken', () => changed((saved) => { saved.weightsManifest[0]!.paths = Array.from({ length: 4_097 }, () => 'a.bin'); }), ['it has 4097 files of weights, at most 4096 are taken']],
] as const)('is MODEL_IMPORT_INVALID for %s', async (_, write, why) => {
  const error = await readModelFile('m', write()).then(() => null, (failure: unknown) => failure as Error);
  expect(error).toMatchObject({ code: 'MODEL_IMPORT_INVALID' });
  for (const part of why) expect(error?.message).toContain(part);
});

it('counts the weights into the limit of size', async () => {
  const { length } = readFileSync(file);
  await expect(readModelFile('m', file, length + 15)).rejects.toThrow('its weights are larger than the 15 bytes that are left for them');
  await expect(readModelFile('m', file, length + 16)).resolves.toBeDefined();
});
