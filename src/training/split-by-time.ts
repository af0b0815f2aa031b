import type { TrainingSet } from '../contracts/training-set.ts';
import { MillraceError } from '../core/millrace-error.ts';
import type { TrainingPlan } from './training-plan.ts';

export const TRAINING_ROWS_MIN = 500;
export const HOLDOUT_ROWS_MIN = 100;
/** Newest share of the training part by which the best epoch is chosen. */
const VALIDATION_SHARE = 0.1;

/** Rows of a training set by index, each part in order of decision time. */
export interface TimeSplit {
  /** Decided before `holdoutFrom - gap`, their labels known before `holdoutFrom`. */
  readonly training: Uint32Array;
  /** Decided from `holdoutFrom` to the data cut. */
  readonly holdout: Uint32Array;
  /** Every row of the training window, for the network that is registered. */
  readonly all: Uint32Array;
  /** Decision time where the hold-out begins, ms since the epoch. */
  readonly holdoutFrom: number;
}

/**
 * Splits by time, as a model is used: what came later judges what was learned earlier. A label that
 * was not known yet when the hold-out began has no place in the training part, whatever the gap.
 * @throws MillraceError TRAINING_SET_CORRUPT where a row reaches beyond the data cut,
 * TRAINING_DATA_INSUFFICIENT where a part has too few rows or one class only
 */
export function splitByTime(set: TrainingSet, plan: TrainingPlan, dataCut: number): TimeSplit {
  const holdoutFrom = dataCut - plan.holdoutMs;
  const trainingTo = holdoutFrom - plan.gapMs;
  const windowFrom = plan.trainingWindowMs === null ? -Infinity : dataCut - plan.trainingWindowMs;
  const training: number[] = [];
  const holdout: number[] = [];
  const all: number[] = [];
  for (let row = 0; row < set.rows; row++) {
    const decided = set.decisionTimes[row] as number;
    const labelled = set.labelKnownTimes[row] as number;
    if (decided > dataCut || labelled > dataCut) throw beyondCut(set, row, dataCut);
    if (decided < windowFrom) continue;
    all.push(row);
    if (decided >= holdoutFrom) holdout.push(row);
    else if (decided < trainingTo && labelled < holdoutFrom) training.push(row);
  }
  assertEnough(set, 'training part', training, TRAINING_ROWS_MIN);
  assertEnough(set, 'hold-out', holdout, HOLDOUT_ROWS_MIN);
  return {
    training: Uint32Array.from(training),
    holdout: Uint32Array.from(holdout),
    all: Uint32Array.from(all),
    holdoutFrom,
  };
}

/** The newest rows of a part, by which the best epoch is chosen, and those before them. */
export function splitValidation(rows: Uint32Array): { fit: Uint32Array; validation: Uint32Array } {
  const at = rows.length - Math.floor(rows.length * VALIDATION_SHARE);
  return { fit: rows.subarray(0, at), validation: rows.subarray(at) };
}

function assertEnough(set: TrainingSet, part: string, rows: readonly number[], rowsMin: number): void {
  const positives = rows.reduce((sum, row) => sum + (set.labels[row] as number), 0);
  if (rows.length >= rowsMin && positives > 0 && positives < rows.length) return;
  throw new MillraceError(
    'TRAINING_DATA_INSUFFICIENT',
    `Model '${set.model}': the ${part} has ${rows.length} examples, ${positives} of them positive; expected at least ` +
      `${rowsMin} and both classes. Wait for more labels, or change the model's split or training window.`,
    { details: { part, rows: rows.length, positives, rowsMin } },
  );
}

function beyondCut(set: TrainingSet, row: number, dataCut: number): MillraceError {
  const known = Math.max(set.decisionTimes[row] as number, set.labelKnownTimes[row] as number);
  return new MillraceError(
    'TRAINING_SET_CORRUPT',
    `Training set of '${set.model}': example '${set.exampleIds[row]}' was decided or labelled at ` +
      `${new Date(known).toISOString()}, after the data cut ${new Date(dataCut).toISOString()}. Build it again as of the cut.`,
  );
}
