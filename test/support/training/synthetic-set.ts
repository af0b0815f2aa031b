import type { TrainingSet } from '../../../src/contracts/training-set.ts';
import { mlp, type Trainer } from '../../../src/define/model.ts';
import { createRandom } from '../../../src/training/seeded-random.ts';
import type { TrainingPlan } from '../../../src/training/training-plan.ts';

export const DAY_MS = 86_400_000;
export const SET_FROM = Date.UTC(2024, 0, 1);
export const SET_DAYS = 100;
export const DATA_CUT = SET_FROM + SET_DAYS * DAY_MS;
const LABEL_DELAY_MS = 3_600_000;
const GROUPS = ['ash', 'beech', 'cedar', 'elm'] as const;
const GROUP_EFFECT: Readonly<Record<string, number>> = { ash: -2, beech: -0.5, cedar: 0.5, elm: 2 };

/**
 * Examples whose label needs an exclusive or of `left` and `right` (no linear model of the raw numbers
 * sees it), the effect of a category, and the fact that `gappy` is null. A fifth of `gappy` and a tenth
 * of the categories are null; `constant` carries nothing; `tail` is heavy-tailed noise.
 */
export function syntheticSet(rows: number, seed = 7): TrainingSet {
  return syntheticExamples(rows, seed).set;
}

/** The same with the probabilities that the labels were drawn by: no model can rank better. */
export function syntheticExamples(rows: number, seed = 7): { set: TrainingSet; probabilities: Float32Array } {
  const random = createRandom(seed);
  const names = ['left', 'right', 'gappy', 'constant', 'tail'];
  const numbers = new Float32Array(rows * names.length);
  const codes = new Int32Array(rows);
  const labels = new Float32Array(rows);
  const probabilities = new Float32Array(rows);
  const decisionTimes = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const left = random.normal();
    const right = random.normal();
    const gap = random.uniform() < 0.2;
    const group = random.uniform() < 0.1 ? -1 : Math.floor(random.uniform() * GROUPS.length);
    numbers.set(
      [left, right, gap ? NaN : random.normal(), 5, Math.exp(4 * random.normal())],
      row * names.length,
    );
    codes[row] = group;
    const effect = GROUP_EFFECT[GROUPS[group] ?? ''] ?? 0;
    const logit = (left > 0 !== right > 0 ? 1.5 : -1.5) + effect + (gap ? 1 : 0);
    probabilities[row] = 1 / (1 + Math.exp(-logit));
    labels[row] = random.uniform() < (probabilities[row] as number) ? 1 : 0;
    decisionTimes[row] = SET_FROM + Math.floor((row / rows) * (SET_DAYS * DAY_MS - LABEL_DELAY_MS));
  }
  const set: TrainingSet = {
    model: 'synthetic',
    serviceDigest: 'digest',
    numericNames: names,
    rows,
    numbers,
    categories: [{ name: 'group', dictionary: [...GROUPS], codes }],
    labels,
    decisionTimes,
    labelKnownTimes: decisionTimes.map((time) => time + LABEL_DELAY_MS),
    exampleIds: Array.from({ length: rows }, (_, row) => `example-${row}`),
  };
  return { set, probabilities };
}

export function syntheticPlan(
  trainer: Trainer = mlp({ hidden: [32, 16], epochs: 4 }),
  changes: Partial<TrainingPlan> = {},
): TrainingPlan {
  return {
    model: 'synthetic',
    task: 'binary_classification',
    featureService: 'synthetic_service',
    viewVersions: { view: 1 },
    onDemand: {},
    trainer,
    trainingWindowMs: null,
    holdoutMs: 20 * DAY_MS,
    gapMs: DAY_MS,
    monitorWindowMs: 7 * DAY_MS,
    segments: ['group'],
    batchRowsMax: 512,
    threshold: 0.5,
    seed: 11,
    refit: true,
    ...changes,
  };
}
