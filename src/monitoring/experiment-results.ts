import type { Experiment, ExperimentArm } from '../contracts/experiment.ts';
import type { Model } from '../define/model.ts';
import type { Queryable } from '../infra/postgres.ts';
import { findExperiment, type StoredExperiment } from '../registry/store-experiment.ts';
import type { ChiSquared } from '../statistics/chi-squared.ts';
import { compareArms, type ComparedMetric } from './compare-arms.ts';
import { labelColumns } from './monitored-model.ts';
import { measureArms } from './measure-arms.ts';

/** Serving follows a change of shares within a second: what is answered in this time may be by the shares before. */
export const EXPERIMENT_SETTLE_MS = 5_000;

/** What an arm did since the shares changed last. */
export interface ArmResult extends ExperimentArm {
  readonly isControl: boolean;
  readonly decisions: number;
  readonly entities: number;
  /** Decisions whose outcome is known. */
  readonly outcomes: number;
  readonly latencyP95Ms: number | null;
}

export interface ExperimentResults extends Omit<StoredExperiment, 'experiment'> {
  readonly model: string;
  readonly experiment: Omit<Experiment, 'ranges'>;
  /** Decisions from here on count, ms since the epoch: a moment after the last change of shares. */
  readonly countedFrom: number;
  /** Entities that more than one arm answered in this time; they are left out of everything. */
  readonly entitiesInSeveralArms: number;
  /** Control first. */
  readonly arms: readonly ArmResult[];
  readonly sampleRatio: ChiSquared & { readonly isMismatch: boolean };
  /** The experiment's own first. */
  readonly metrics: readonly ComparedMetric[];
}

/**
 * Compares the arms of an experiment, running or ended, by the decisions since its shares changed last and the outcomes that
 * are known.
 * @param name null: the one that started last
 * @throws MillraceError EXPERIMENT_NOT_FOUND
 */
export async function readExperimentResults(db: Queryable, model: Model, name: string | null): Promise<ExperimentResults> {
  const { experiment: found, ...ending } = await findExperiment(db, model.name, name);
  const { ranges: _, ...experiment } = found;
  const countedFrom = experiment.changedAt + EXPERIMENT_SETTLE_MS;
  const measured = await measureArms(db, labelColumns(model), { model: model.name, experiment: found, from: countedFrom, to: ending.endedAt });
  const isControl = (arm: ExperimentArm): boolean => arm.name === experiment.control;
  const ordered = experiment.arms.toSorted((a, b) => Number(isControl(b)) - Number(isControl(a)));
  const compared = compareArms(ordered, measured.arms, experiment.metric);
  return {
    model: model.name,
    experiment,
    ...ending,
    countedFrom,
    entitiesInSeveralArms: measured.entitiesInSeveralArms,
    arms: ordered.map((arm) => {
      const { decisions = 0, entities = 0, outcomes = 0, latencyP95Ms = null } = measured.arms.get(arm.name) ?? {};
      return { ...arm, isControl: isControl(arm), decisions, entities, outcomes, latencyP95Ms };
    }),
    ...compared,
  };
}
