import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeCategories } from '../../../src/contracts/encode-categories.ts';
import type { GoldenBatch } from '../../../src/contracts/model-bundle.ts';
import { logisticRegression } from '../../../src/define/model.ts';
import { evaluateSlice } from '../../../src/statistics/evaluate-slice.ts';
import { recordRoles } from '../../../src/contracts/model-bundle.ts';
import { scoreOnnx } from '../../../src/training/score-onnx.ts';
import { loadTensorBackend, type TensorBackend } from '../../../src/tensorflow/tensorflow-backend.ts';
import { trainModel, type TrainedBundle, type TrainOptions } from '../../../src/training/train-model.ts';
import { DATA_CUT, DAY_MS, syntheticExamples, syntheticPlan } from '../../support/training/synthetic-set.ts';

const { set, probabilities } = syntheticExamples(12_000);
const bestAuc = evaluateSlice('the true probabilities', probabilities, set.labels).auc as number;
let backend: TensorBackend;
let first: TrainedBundle;

const options = (changes: Partial<TrainOptions> = {}): TrainOptions => ({
  set,
  plan: syntheticPlan(),
  backend,
  champion: null,
  dataCut: DATA_CUT,
  trigger: 'first',
  reason: 'test',
  ...changes,
});
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const overall = (bundle: TrainedBundle) => bundle.metrics.candidate.overall;

beforeAll(async () => {
  backend = await loadTensorBackend({ addon: null, names: ['wasm'] });
  first = await trainModel(options());
});

describe('trainModel', () => {
  it('learns an exclusive or, a category and the meaning of a null', () => {
    expect(overall(first).auc).toBeGreaterThan(bestAuc - 0.02);
    expect(overall(first).calibrationError).toBeLessThan(0.05);
  });

  it('cannot learn the exclusive or with a logistic regression', async () => {
    const linear = await trainModel(options({ plan: syntheticPlan(logisticRegression({ epochs: 6 })) }));
    expect(overall(linear).auc).toBeGreaterThan(0.7);
    expect(overall(linear).auc).toBeLessThan(bestAuc - 0.06);
    expect(linear.metrics.exportParity).toBeLessThan(1e-5);
  });

  it('gives the same model file for the same seed, and another for another', async () => {
    const again = await trainModel(options());
    expect(sha256(again.files['model.onnx']!)).toBe(sha256(first.files['model.onnx']!));
    const other = await trainModel(options({ plan: syntheticPlan(undefined, { seed: 12 }) }));
    expect(sha256(other.files['model.onnx']!)).not.toBe(sha256(first.files['model.onnx']!));
  });

  it('leaves no tensor behind', () => {
    expect(backend.tf.memory().numTensors).toBe(0);
  });

  it('writes every file of the bundle, and its golden batch is answered by the model file', async () => {
    expect(Object.keys(first.files)).toEqual(['model.onnx', ...recordRoles]);
    const golden = JSON.parse(new TextDecoder().decode(first.files['golden-batch.json'])) as GoldenBatch;
    const features = new Float32Array(Uint8Array.from(Buffer.from(golden.features, 'base64')).buffer);
    expect(features.length).toBe(golden.rows * golden.columns);
    const scores = await scoreOnnx(first.files['model.onnx']!, features, golden.columns);
    scores.forEach((score, i) => {
      expect(Math.abs(score - (golden.scores[i] as number))).toBeLessThanOrEqual(golden.tolerance);
    });
  });

  it('reports by month, by segment and with null as a segment of its own', () => {
    const { byMonth, bySegment } = first.metrics.candidate;
    expect(byMonth.map(({ slice }) => slice)).toEqual(['2024-03', '2024-04']);
    expect(bySegment.group?.map(({ slice }) => slice).sort()).toEqual([
      '(null)',
      'ash',
      'beech',
      'cedar',
      'elm',
    ]);
    const rows = bySegment.group?.reduce((sum, slice) => sum + slice.rows, 0);
    expect(rows).toBe(overall(first).rows);
  });

  it('holds the champion against the same rows, but only those that it has not learned from', async () => {
    const old = await trainModel(
      options({
        set: cutSet(DATA_CUT - 30 * DAY_MS),
        dataCut: DATA_CUT - 30 * DAY_MS,
        plan: syntheticPlan(),
      }),
    );
    const champion = {
      version: 1,
      signature: old.signature,
      lineage: old.lineage,
      graph: { role: 'model.onnx' as const, bytes: old.files['model.onnx']! },
    };
    const { metrics } = await trainModel(options({ champion }));
    expect(metrics.championVersion).toBe(1);
    expect(metrics.champion?.overall.rows).toBe(metrics.candidate.overall.rows);
    expect(metrics.champion?.overall.auc).toBeGreaterThan(bestAuc - 0.03);
    const twin = {
      version: 2,
      signature: first.signature,
      lineage: first.lineage,
      graph: { role: 'model.onnx' as const, bytes: first.files['model.onnx']! },
    };
    const seen = await trainModel(options({ champion: twin }));
    expect(seen.metrics.champion).toBeNull();
    expect(seen.metrics.championVersion).toBeNull();
    expect(seen.metrics.notCompared).toMatch(/^version 2 learned from rows up to 2024-04-\S+, and too few of the hold-out came after$/);
    expect(metrics).not.toHaveProperty('notCompared');
  });

  it('registers a network that has learned from all rows, and says so', async () => {
    expect(first.lineage.trainer).toMatchObject({ refit: { rows: set.rows } });
    const without = await trainModel(options({ plan: syntheticPlan(undefined, { refit: false }) }));
    expect(without.lineage.trainer).toMatchObject({ refit: null });
    expect(overall(without)).toEqual(overall(first));
    expect(sha256(without.files['model.onnx']!)).not.toBe(sha256(first.files['model.onnx']!));
  });

  it('takes a number that decays to almost nothing, as a decayedCount long after the last event', async () => {
    const columns = set.numericNames.length;
    const numbers = set.numbers.slice();
    // Spread over the whole range of float32 below 1, denormal numbers included.
    for (let row = 0; row < set.rows; row++) numbers[row * columns + 4] = 2 ** -(160 * (((row * 7_919) % set.rows) / set.rows));
    const trained = await trainModel(options({ set: { ...set, numbers }, plan: syntheticPlan(logisticRegression({ epochs: 1 })) }));
    expect(trained.metrics.exportParity).toBeLessThan(1e-5);
  });

  it('refuses a set of which no column varies', async () => {
    const numbers = new Float32Array(set.numbers.length).fill(1);
    const dull = { ...set, numbers, categories: [] };
    await expect(trainModel(options({ set: dull }))).rejects.toMatchObject({
      code: 'TRAINING_DATA_INSUFFICIENT',
    });
  });
});

describe('the exported model', () => {
  const columns = 6;
  const score = (rows: readonly (readonly number[])[]) =>
    scoreOnnx(first.files['model.onnx']!, Float32Array.from(rows.flat()), columns);

  it('differs from TensorFlow.js by rounding only', () => {
    expect(first.metrics.exportParity).toBeLessThan(1e-5);
  });

  it('answers a row alone as it answers it among 512', async () => {
    const rows = Array.from({ length: 512 }, (_, row) => [
      ...set.numbers.subarray(row * 5, row * 5 + 5),
      2 + (row % 4),
    ]);
    const together = await score(rows);
    for (const row of [0, 1, 255, 511]) {
      const alone = await score([rows[row] as number[]]);
      expect(Math.abs((alone[0] as number) - (together[row] as number))).toBeLessThan(1e-6);
    }
  });

  it('takes null, unknown and absurd inputs without failing', async () => {
    const scores = await score([
      [NaN, NaN, NaN, NaN, NaN, 0],
      [0, 0, 0, 5, 1, 1],
      [Infinity, -Infinity, 1e38, -1e38, 0, 9_999],
      [0, 0, 0, 5, 1, -7],
      [0, 0, 0, 5, 1, NaN],
    ]);
    for (const value of scores) expect(value).toBeGreaterThan(0);
    for (const value of scores) expect(value).toBeLessThan(1);
    expect(scores[3]).toBe(scores[1]);
    expect(scores[4]).toBe(scores[1]);
  });

  it('is fed by the category codes that serving writes', async () => {
    const codes = new Float32Array(6);
    encodeCategories(first.signature.categories, ['elm'], codes, 0);
    encodeCategories(first.signature.categories, ['ash'], codes, 1);
    encodeCategories(first.signature.categories, [null], codes, 2);
    encodeCategories(first.signature.categories, ['oak'], codes, 3);
    expect(codes[2]).toBe(0);
    expect(codes[3]).toBe(1);
    const [elm, ash] = await score([
      [1, 1, 0, 5, 1, codes[0] as number],
      [1, 1, 0, 5, 1, codes[1] as number],
    ]);
    expect(elm).toBeGreaterThan((ash as number) + 0.2);
  });
});

function cutSet(to: number) {
  const rows = set.labelKnownTimes.findIndex((time) => time > to);
  return {
    ...set,
    rows,
    numbers: set.numbers.slice(0, rows * set.numericNames.length),
    categories: set.categories.map((column) => ({ ...column, codes: column.codes.slice(0, rows) })),
    labels: set.labels.slice(0, rows),
    decisionTimes: set.decisionTimes.slice(0, rows),
    labelKnownTimes: set.labelKnownTimes.slice(0, rows),
    exampleIds: set.exampleIds.slice(0, rows),
  };
}
