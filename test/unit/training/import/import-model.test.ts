import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { evaluateSlice } from '../../../../src/statistics/evaluate-slice.ts';
import { exportTrainingSet } from '../../../../src/training/import/export-training-set.ts';
import { readExportedColumns } from '../../../../src/training/import/exported-columns.ts';
import { importModel, type ImportOptions } from '../../../../src/training/import/import-model.ts';
import { linearOnnx, linearScore } from '../../../support/training/linear-onnx.ts';
import { onnxFile } from '../../../support/training/onnx-file.ts';
import { DATA_CUT, DAY_MS, syntheticPlan, syntheticSet } from '../../../support/training/synthetic-set.ts';

const ROWS = 3_000;
const WEIGHTS = [0.1, -0.2, 0.3, 0.05, 0, 0.2];
const set = syntheticSet(ROWS);
const plan = syntheticPlan();
const HOLDOUT_FROM = DATA_CUT - plan.holdoutMs;
const vocabulary = ['elm', 'ash'];
const encoders = { serviceDigest: 'digest', categories: [{ name: 'group', vocabulary }] };
const bytes = linearOnnx(WEIGHTS);

const options = (over: Partial<ImportOptions> = {}): ImportOptions => ({
  plan,
  service: { serviceDigest: 'digest', numericNames: set.numericNames, categoryNames: ['group'] },
  file: { name: 'linear.onnx', role: 'model.onnx', bytes },
  input: null,
  output: null,
  nullAs: null,
  encoders,
  set,
  dataCut: DATA_CUT,
  champion: null,
  trainedTo: HOLDOUT_FROM - DAY_MS,
  by: 'tester',
  reason: 'a test',
  ...over,
});

/** The row as the graph takes it, one value at a time. */
function rowOf(row: number): number[] {
  const code = set.categories[0]!.codes[row]!;
  const value = code < 0 ? null : set.categories[0]!.dictionary[code]!;
  const at = vocabulary.indexOf(value ?? '');
  const numbers = set.numericNames.map((_, i) => set.numbers[row * set.numericNames.length + i]!);
  return [...numbers, value === null ? 0 : at < 0 ? 1 : at + 2];
}
const decidedFrom = (from: number) =>
  Array.from({ length: ROWS }, (_, row) => row).filter((row) => set.decisionTimes[row]! >= from);
const figuresOf = (rows: readonly number[], weights = WEIGHTS) =>
  evaluateSlice('overall', rows.map((row) => linearScore(weights, rowOf(row))), rows.map((row) => set.labels[row]!));

describe('an imported model', () => {
  it('keeps its file as it is, and says where it is from and where its score is', async () => {
    const { files, signature, lineage, notes } = await importModel(options());
    expect(Buffer.compare(files['model.onnx']!, bytes)).toBe(0);
    expect(signature).toMatchObject({
      categories: encoders.categories,
      tensors: { input: 'X', output: 'probabilities', outputColumns: 2, scoreColumn: 1 },
    });
    expect(lineage).toMatchObject({ trigger: 'import', trainingTo: HOLDOUT_FROM - DAY_MS, holdoutFrom: HOLDOUT_FROM });
    expect(lineage.imported).toEqual({
      file: 'linear.onnx',
      sha256: createHash('sha256').update(bytes).digest('hex'),
      bytes: bytes.length,
      by: 'tester',
      producerName: 'a test',
      producerVersion: '1.2',
      irVersion: 8,
      opsets: { '': 17 },
      trainedTo: HOLDOUT_FROM - DAY_MS,
    });
    expect(notes).toEqual([]);
  });

  it('is the same bundle when it is imported again', async () => {
    expect((await importModel(options())).files).toEqual((await importModel(options())).files);
  });

  it('is evaluated on the hold-out and profiled over all rows', async () => {
    const { metrics, files } = await importModel(options());
    const expected = figuresOf(decidedFrom(HOLDOUT_FROM));
    expect(metrics.candidate?.overall).toMatchObject({ rows: expected.rows, positives: expected.positives });
    expect(metrics.candidate?.overall.auc).toBeCloseTo(expected.auc!, 4);
    expect(metrics.candidate?.overall.logLoss).toBeCloseTo(expected.logLoss, 5);
    expect(metrics).toMatchObject({ champion: null, championVersion: null, exportParity: null });
    const profile = JSON.parse(Buffer.from(files['reference-profile.json']).toString()) as { columns: { name: string; rows: number }[] };
    expect(profile.columns.map(({ name, rows }) => [name, rows])).toEqual([...set.numericNames, 'group', 'score'].map((name) => [name, ROWS]));
  });

  it('is held against the champion on rows that are new to both', async () => {
    const own = [0.2, 0.2, 0, 0, 0, -0.1];
    const { signature, lineage } = await importModel(options({ file: { name: 'own.onnx', role: 'model.onnx', bytes: linearOnnx(own) } }));
    const seenTo = HOLDOUT_FROM + 5 * DAY_MS;
    const champion = { version: 4, signature, lineage: { ...lineage, trainingTo: seenTo }, graph: { role: 'model.onnx' as const, bytes: linearOnnx(own) } };
    const { metrics } = await importModel(options({ champion }));
    const rows = decidedFrom(seenTo + 1);
    expect(metrics.championVersion).toBe(4);
    expect(metrics.candidate?.overall.logLoss).toBeCloseTo(figuresOf(rows).logLoss, 5);
    expect(metrics.champion?.overall.logLoss).toBeCloseTo(figuresOf(rows, own).logLoss, 5);
  });

  it.each([
    ['reads the version of a view that the rows are made by', { view: 1 }, null],
    ['reads another version of a view, whose features have the same names', { view: 2 }, "version 4 reads version 1 of feature view 'view', and the rows are made by version 2"],
  ])('is held against a champion of another service only where that %s', async (_what, viewVersions, why) => {
    const { signature, lineage } = await importModel(options());
    const champion = { version: 4, signature, lineage, graph: { role: 'model.onnx' as const, bytes } };
    const changed = { plan: { ...plan, viewVersions }, set: { ...set, serviceDigest: 'digest-2' }, champion };
    const { metrics, notes } = await importModel(options({ ...changed, encoders: { ...encoders, serviceDigest: 'digest-2' }, service: { ...options().service, serviceDigest: 'digest-2' } }));
    expect(metrics.notCompared ?? null).toBe(why);
    expect(metrics.championVersion).toBe(why === null ? 4 : null);
    expect(metrics.candidate).not.toBeNull();
    expect(notes).toEqual(why === null ? [] : [`it was not compared with the champion: ${why}`]);
  });

  it.each<[what: string, over: Partial<ImportOptions>, evaluated: number, note: string]>([
    ['that nobody knows the learned rows of is evaluated, with a note', { trainedTo: null }, decidedFrom(HOLDOUT_FROM).length, 'its figures may be too good'],
    ['that knows some of the hold-out is evaluated on the rest', { trainedTo: HOLDOUT_FROM + 10 * DAY_MS }, decidedFrom(HOLDOUT_FROM + 10 * DAY_MS + 1).length, ''],
    ['that knows the hold-out is not evaluated', { trainedTo: DATA_CUT - DAY_MS }, 0, 'too few of the hold-out came after'],
    ['is not evaluated without examples', { set: null }, 0, 'no labelled examples are known'],
    ['is not evaluated on too few examples', { set: syntheticSet(200) }, 0, 'the training part has'],
  ])('one %s', async (_what, over, evaluated, note) => {
    const { metrics, notes, files } = await importModel(options(over));
    expect(metrics.candidate?.overall.rows ?? 0).toBe(evaluated);
    expect(notes.join()).toContain(note);
    const golden = JSON.parse(Buffer.from(files['golden-batch.json']).toString()) as { rows: number; columns: number; features: string; scores: number[] };
    expect(golden).toMatchObject({ rows: 64, columns: WEIGHTS.length });
    const features = new Float32Array(Uint8Array.from(Buffer.from(golden.features, 'base64')).buffer);
    golden.scores.forEach((score, row) =>
      expect(score).toBeCloseTo(linearScore(WEIGHTS, features.subarray(row * WEIGHTS.length, (row + 1) * WEIGHTS.length)), 5),
    );
  });

  it.each<[what: string, over: Partial<ImportOptions>, why: string]>([
    ['without the codes of its categories', { encoders: null }, "has categories ('group'), and nothing says how the model has them coded"],
    ['with rows of another feature service', { encoders: { ...encoders, serviceDigest: 'other' } }, 'its rows were exported with feature service other, the present one is digest'],
    ['with codes of other categories', { encoders: { ...encoders, categories: [] } }, "columns.json does not have the categories of the feature service ('group')"],
    ['with another width', { file: { name: 'narrow.onnx', role: 'model.onnx', bytes: linearOnnx([1, 2]) } }, 'expected 6 columns, those of the feature service'],
  ])('is refused %s', async (_what, over, why) => {
    await expect(importModel(options(over))).rejects.toMatchObject({
      code: 'MODEL_IMPORT_INVALID',
      message: expect.stringContaining(why) as string,
    });
  });
});

describe('a graph that gives one example no finite score', () => {
  const at = ROWS - 7;
  const width = set.numericNames.length;
  const numbers = set.numbers.slice();
  numbers.fill(0, at * width, at * width + 2);
  /** Left by right: 0 / 0 in that row, which is none of the probe's. */
  const quotient = onnxFile({
    nodes: [
      ['Gather', ['X', 'first'], 'left', { axis: 1 }],
      ['Gather', ['X', 'second'], 'right', { axis: 1 }],
      ['Div', ['left', 'right'], 'z'],
      ['Sigmoid', ['z'], 'p'],
    ],
    inputs: [['X', 'float32', ['rows', width + 1]]],
    outputs: [['p', 'float32', ['rows', 1]]],
    constants: [
      ['first', BigInt64Array.of(0n), [1]],
      ['second', BigInt64Array.of(1n), [1]],
    ],
  });
  const file = { name: 'quotient.onnx', role: 'model.onnx' as const, bytes: quotient };

  it('is refused with the name of the example', async () => {
    await expect(importModel(options({ file, nullAs: 1, set: { ...set, numbers } }))).rejects.toMatchObject({
      code: 'MODEL_IMPORT_INVALID',
      message: expect.stringContaining(`example 'example-${at}' gets a score that is not a finite number`) as string,
    });
  });

  it('is no champion to be compared with, and keeps nobody from taking its place', async () => {
    const { signature, lineage } = await importModel(options({ file, nullAs: 1 }));
    const champion = { version: 4, signature, lineage, graph: file };
    const { metrics, notes } = await importModel(options({ champion, set: { ...set, numbers } }));
    expect(metrics).toMatchObject({ champion: null, championVersion: null });
    expect(metrics.candidate?.overall.rows).toBe(decidedFrom(HOLDOUT_FROM).length);
    expect(metrics.notCompared).toMatch(/^version 4 gives a row of the hold-out a score that is not a finite number/);
    expect(notes).toEqual([`it was not compared with the champion: ${metrics.notCompared}`]);
  });
});

describe('exported rows', () => {
  it('hold what a graph takes, with the part that each row is of, and come back with the import', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'millrace-rows-'));
    try {
      const columns = await exportTrainingSet(set, plan, DATA_CUT, folder);
      expect(await readExportedColumns('synthetic', path.join(folder, 'columns.json'))).toEqual(columns);
      const read = (name: string, array: typeof Float32Array | typeof Float64Array) => {
        const file = readFileSync(path.join(folder, `${name}.npy`));
        const at = 10 + file.readUInt16LE(8);
        return new array(Uint8Array.from(file.subarray(at)).buffer);
      };
      const features = read('features', Float32Array);
      const part = read('part', Float32Array);
      const decided = read('decision_time', Float64Array);
      expect(features).toHaveLength(ROWS * WEIGHTS.length);
      const codes = columns.categories[0]!.vocabulary;
      for (let row = 0; row < ROWS; row += 97) {
        const code = set.categories[0]!.codes[row]!;
        const value = code < 0 ? null : set.categories[0]!.dictionary[code]!;
        const expected = [...rowOf(row).slice(0, -1), value === null ? 0 : codes.indexOf(value) + 2];
        expect([...features.subarray(row * WEIGHTS.length, (row + 1) * WEIGHTS.length)]).toEqual(expected.map(Math.fround));
        const where = set.decisionTimes[row]! >= HOLDOUT_FROM ? 2 : set.decisionTimes[row]! < HOLDOUT_FROM - plan.gapMs ? 1 : 0;
        expect([decided[row], part[row]]).toEqual([set.decisionTimes[row], where]);
      }
      expect(columns.trainingTo).toBe(Math.max(...[...decided].filter((_, row) => part[row] === 1)));
      expect(read('label', Float32Array)).toEqual(set.labels);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
