import { describe, expect, it } from 'vitest';
import { splitByTime, splitValidation } from '../../../src/training/split-by-time.ts';
import { DATA_CUT, DAY_MS, syntheticPlan, syntheticSet } from '../../support/training/synthetic-set.ts';

const set = syntheticSet(4_000);

describe('splitByTime', () => {
  it('keeps every label of the training part out of the future of the hold-out', () => {
    const labelKnownTimes = set.labelKnownTimes.map((time, row) =>
      row % 7 === 0 ? Math.min(time + 30 * DAY_MS, DATA_CUT) : time,
    );
    const split = splitByTime({ ...set, labelKnownTimes }, syntheticPlan(), DATA_CUT);
    const newest = Math.max(...[...split.training].map((row) => labelKnownTimes[row] as number));
    const decided = Math.max(...[...split.training].map((row) => set.decisionTimes[row] as number));
    const oldest = Math.min(...[...split.holdout].map((row) => set.decisionTimes[row] as number));
    expect(newest).toBeLessThan(split.holdoutFrom);
    expect(decided).toBeLessThan(split.holdoutFrom - DAY_MS);
    expect(oldest).toBeGreaterThanOrEqual(split.holdoutFrom);
    expect(split.all.length).toBe(set.rows);
  });

  it('leaves out what is older than the training window', () => {
    const split = splitByTime(set, syntheticPlan(undefined, { trainingWindowMs: 60 * DAY_MS }), DATA_CUT);
    expect(set.decisionTimes[split.all[0] as number]).toBeGreaterThanOrEqual(DATA_CUT - 60 * DAY_MS);
    expect(split.training[0]).toBe(split.all[0]);
  });

  it('names the part that has too few examples, with its counts', () => {
    const plan = syntheticPlan(undefined, { holdoutMs: DAY_MS / 24 });
    expect(() => splitByTime(set, plan, DATA_CUT)).toThrow(
      /the hold-out has \d+ examples, \d+ of them positive; expected at least 100/,
    );
  });

  it('refuses a training part of one class', () => {
    const labels = new Float32Array(set.rows);
    expect(() => splitByTime({ ...set, labels }, syntheticPlan(), DATA_CUT)).toThrow(
      expect.objectContaining({ code: 'TRAINING_DATA_INSUFFICIENT' }),
    );
  });

  it('refuses a set that reaches beyond the data cut', () => {
    expect(() => splitByTime(set, syntheticPlan(), DATA_CUT - 10 * DAY_MS)).toThrow(
      expect.objectContaining({ code: 'TRAINING_SET_CORRUPT' }),
    );
  });
});

describe('splitValidation', () => {
  it('takes the newest tenth', () => {
    const { fit, validation } = splitValidation(Uint32Array.from({ length: 100 }, (_, row) => row));
    expect(fit.length).toBe(90);
    expect(validation[0]).toBe(90);
  });
});
