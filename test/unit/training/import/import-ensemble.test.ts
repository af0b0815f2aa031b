import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { graphRoleOf, type GraphRole } from '../../../../src/contracts/model-bundle.ts';
import type { GoldenTensors } from '../../../../src/contracts/tensor-signature.ts';
import { MillraceError } from '../../../../src/core/millrace-error.ts';
import type { TensorBundle } from '../../../../src/registry/bundle.ts';
import { importEnsemble } from '../../../../src/training/import/import-ensemble.ts';
import { importTensors } from '../../../../src/training/import/import-tensors.ts';
import type { ImportedTensors } from '../../../../src/training/import/tensor-version.ts';
import { onnxFile, type OnnxFile } from '../../../support/training/onnx-file.ts';

const about = { by: 'tester', reason: 'a test' };
const registry = new Map<string, TensorBundle>();

function register(model: string, version: number, { files, signature }: ImportedTensors): TensorBundle {
  const role = graphRoleOf(files) as GraphRole;
  const bytes = files[role]!;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const goldenBatch = JSON.parse(Buffer.from(files['golden-batch.json']).toString()) as GoldenTensors;
  const bundle = { model, version, digest: `${sha256}/${model}`, graph: { role, bytes, sha256, path: '' }, signature, goldenBatch } as unknown as TensorBundle;
  registry.set(`${model}/${version}`, bundle);
  return bundle;
}
const onnx = async (model: string, file: OnnxFile) =>
  register(model, 1, await importTensors({ model, file: { name: `${model}.onnx`, role: 'model.onnx', bytes: onnxFile(file) }, ...about }));

/** y = 2 x */
await onnx('double', { nodes: [['Add', ['x', 'x'], 'y']], inputs: [['x', 'float32', ['rows', 2]]], outputs: [['y', 'float32', ['rows', 2]]] });
/** d = a - b */
await onnx('less', { nodes: [['Sub', ['a', 'b'], 'd']], inputs: [['a', 'float32', ['rows', 2]], ['b', 'float32', ['rows', 2]]], outputs: [['d', 'float32', ['rows', 2]]] });
/** The mean of all rows. */
await onnx('mean', { nodes: [['ReduceMean', ['x'], 'm', { keepdims: 1 }]], inputs: [['x', 'float32', ['rows', 2]]], outputs: [['m', 'float32', [1, 1]]] });

const write = (document: unknown) => ({ name: 'ensemble.json', bytes: Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)) });
const options = (document: unknown, model = 'chain') => ({
  model,
  file: write(document),
  ...about,
  championOf: (name: string) => (name === 'unpromoted' ? Promise.resolve(null) : Promise.resolve(1)),
  readMember: (step: { model: string; version: number }) => {
    const found = registry.get(`${step.model}/${step.version}`);
    return found === undefined
      ? Promise.reject(new MillraceError('MODEL_VERSION_NOT_FOUND', `Model '${step.model}' has no version ${step.version}`))
      : Promise.resolve(found);
  },
});
/** 2 (2x) - x = 3x */
const triple = {
  steps: [
    { name: 'difference', model: 'less', inputs: { a: 'again.y', b: 'rows' } },
    { name: 'once', model: 'double', version: 1, inputs: { x: 'rows' } },
    { name: 'again', model: 'double', version: 'champion', inputs: { x: 'once.y' } },
  ],
  outputs: { tripled: 'difference.d' },
};

describe('the import of an ensemble', () => {
  it('pins every step by version and digest, and keeps what the whole answers as its golden batch', async () => {
    const imported = await importEnsemble(options(triple));
    const { ensemble, signature, files, lineage, notes } = imported;
    expect(ensemble.steps.map(({ name, model, version, digest }) => [name, model, version, digest === registry.get(`${model}/1`)!.digest])).toEqual([
      ['once', 'double', 1, true],
      ['again', 'double', 1, true],
      ['difference', 'less', 1, true],
    ]);
    expect(signature).toMatchObject({
      task: 'tensors',
      batched: true,
      inputs: [{ name: 'rows', datatype: 'FP32', shape: [-1, 2] }],
      outputs: [{ name: 'tripled', datatype: 'FP32', shape: [-1, 2] }],
    });
    expect(notes).toEqual([]);
    expect(lineage.imported).toMatchObject({ file: 'ensemble.json', producerName: 'Millrace ensemble', by: 'tester' });
    const { tensors } = JSON.parse(Buffer.from(files['golden-batch.json']).toString()) as GoldenTensors;
    const floats = (text: string) => [...new Float32Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer)];
    const [input, output] = [floats(tensors!.inputs[0]!.elements), floats(tensors!.outputs[0]!.elements)];
    for (const [i, value] of input.entries()) expect(output[i]).toBeCloseTo(3 * value, 5);
  });

  it('gives the same bytes for the same ensemble, however it was written', async () => {
    const one = await importEnsemble(options(triple));
    const other = await importEnsemble(options({ outputs: triple.outputs, steps: triple.steps.map(({ inputs, ...step }) => ({ inputs, ...step, version: 1 })) }));
    expect(Buffer.compare(one.files['ensemble.json']!, other.files['ensemble.json']!)).toBe(0);
  });

  it('runs ensembles as steps', async () => {
    register('tripled', 1, await importEnsemble(options(triple)));
    const { ensemble, files } = await importEnsemble(
      options({ steps: [{ name: 'a', model: 'tripled', inputs: { rows: 'x' } }, { name: 'b', model: 'tripled', inputs: { rows: 'a.tripled' } }], outputs: { ninefold: 'b.tripled' } }),
    );
    expect(ensemble.steps).toHaveLength(2);
    const { tensors } = JSON.parse(Buffer.from(files['golden-batch.json']).toString()) as GoldenTensors;
    const first = (text: string) => Buffer.from(text, 'base64').readFloatLE();
    expect(first(tensors!.outputs[0]!.elements)).toBeCloseTo(9 * first(tensors!.inputs[0]!.elements), 4);
  });

  it('notes an input that looks like the output of a step that is not there', async () => {
    const { notes, signature } = await importEnsemble(options({ steps: [{ name: 'a', model: 'double', inputs: { x: 'scael.y' } }], outputs: { y: 'a.y' } }));
    expect(signature.inputs.map(({ name }) => name)).toEqual(['scael.y']);
    expect(notes).toEqual(["'scael.y' is an input of the ensemble: no step is named 'scael'"]);
  });

  it('shares no runs where a step does not', async () => {
    const { signature, notes } = await importEnsemble(options({ steps: [{ name: 'm', model: 'mean', inputs: { x: 'x' } }], outputs: { m: 'm.m' } }));
    expect(signature.batched).toBe(false);
    expect(notes).toEqual(["requests run one at a time: those of model 'mean' do"]);
  });

  it.each([
    ['no JSON', '{"steps": [', ['it is no JSON']],
    ['another JSON', { steps: [{ name: 'a', model: 'double', version: 0, inputs: {} }], output: {} }, ['steps.0.version', 'outputs', 'output']],
    ['too many steps', { steps: Array.from({ length: 33 }, (_, n) => ({ name: `s${n}`, model: 'double', inputs: { x: 'x' } })), outputs: { y: 's0.y' } }, ['steps: Too big']],
    ['a model that is not there, and one without a champion', { steps: [{ name: 'a', model: 'nobody', inputs: { x: 'x' } }, { name: 'b', model: 'unpromoted', inputs: {} }], outputs: { y: 'a.y' } }, ["step 'a': Model 'nobody' has no version 1", "step 'b': model 'unpromoted' has no champion"]],
    ['itself', { steps: [{ name: 'a', model: 'chain', inputs: { x: 'x' } }], outputs: { y: 'a.y' } }, ["step 'a': an ensemble does not run versions of its own model"]],
    ['tensors that do not fit', { steps: [{ name: 'a', model: 'mean', inputs: { x: 'x' } }, { name: 'b', model: 'double', inputs: { x: 'a.m' } }], outputs: { y: 'b.y', z: 'b.z' } }, ["step 'b': input 'x' is FP32[-1, 2], and 'a.m' gives FP32[1, 1]", "output 'z': step 'b' has no output 'z'"]],
  ])('is MODEL_IMPORT_INVALID for %s', async (_, document, why) => {
    const error = await importEnsemble(options(document)).then(() => null, (failure: unknown) => failure as Error);
    expect(error).toMatchObject({ code: 'MODEL_IMPORT_INVALID' });
    for (const part of why) expect(error?.message).toContain(part);
  });

  it('is refused for a model with a feature service', async () => {
    registry.set('featured/1', { ...registry.get('double/1')!, signature: { task: 'binary_classification' } as never });
    await expect(importEnsemble(options({ steps: [{ name: 'a', model: 'featured', inputs: {} }], outputs: { y: 'a.y' } }))).rejects.toThrow("model 'featured' has a feature service");
  });

  it('is refused where a few levels of ensembles make too many runs of one request', async () => {
    const twice = (model: string, input: string) => ({
      steps: [{ name: 'a', model, inputs: { [input]: 'rows' } }, { name: 'b', model, inputs: { [input]: 'a.y' } }],
      outputs: { y: 'b.y' },
    });
    for (let level = 1; level <= 8; level++) {
      const [model, input] = level === 1 ? ['double', 'x'] : [`wide${level - 1}`, 'rows'];
      register(`wide${level}`, 1, await importEnsemble(options(twice(model, input))));
    }
    await expect(importEnsemble(options(twice('wide8', 'rows')))).rejects.toThrow('a request runs 512 versions, those within its ensembles counted each time, at most 256 are taken');
  });

  it('is refused where ensembles lie within one another without end', async () => {
    for (let level = 1; level <= 16; level++) {
      const model = level === 1 ? 'double' : `level${level - 1}`;
      const input = level === 1 ? 'x' : 'rows';
      const deeper = { steps: [{ name: 'a', model, inputs: { [input]: 'rows' } }], outputs: { y: 'a.y' } };
      register(`level${level}`, 1, await importEnsemble(options(deeper)));
    }
    await expect(importEnsemble(options({ steps: [{ name: 'a', model: 'level16', inputs: { rows: 'rows' } }], outputs: { y: 'a.y' } }))).rejects.toThrow('at most 16 deep are taken');
  });
});
