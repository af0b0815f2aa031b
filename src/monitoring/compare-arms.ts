import type { ExperimentArm, ExperimentMetric } from '../contracts/experiment.ts';
import type { ChiSquared } from '../statistics/chi-squared.ts';
import { holmAdjusted } from '../statistics/holm.ts';
import { ratioDifference, ratioEstimate, type RatioDifference, type RatioEstimate } from '../statistics/ratio-difference.ts';
import { SAMPLE_RATIO_ALPHA, sampleRatio } from '../statistics/sample-ratio.ts';
import { armMetrics, type ArmMetric, type MeasuredArm } from './measure-arms.ts';

/** All intervals of a metric hold together with this confidence less than one. */
export const EXPERIMENT_ALPHA = 0.05;
/** With fewer entities in an arm their mean is not near enough to normal to be compared. */
export const COMPARED_ENTITIES_MIN = 30;

export interface ComparedArm {
  readonly arm: string;
  /** Null where too few entities have the metric to tell. */
  readonly estimate: RatioEstimate | null;
  /** Less the control, its p-value adjusted for all arms (Holm); null for the control, and with too few entities. */
  readonly difference: RatioDifference | null;
}

export interface ComparedMetric {
  readonly metric: ArmMetric;
  /** Whether the experiment was started to be decided by it. */
  readonly isPrimary: boolean;
  readonly arms: readonly ComparedArm[];
}

/**
 * Every arm against the control, by every metric.
 * @param arms control first
 * @param measured by name of an arm
 */
export function compareArms(
  arms: readonly ExperimentArm[],
  measured: ReadonlyMap<string, MeasuredArm>,
  primary: ExperimentMetric,
): { sampleRatio: ChiSquared & { isMismatch: boolean }; metrics: ComparedMetric[] } {
  const ratio = sampleRatio(
    arms.map(({ name }) => measured.get(name)?.entities ?? 0),
    arms.map(({ share }) => share),
  );
  const ordered = [primary, ...armMetrics.filter((metric) => metric !== primary)];
  return {
    sampleRatio: { ...ratio, isMismatch: ratio.pValue < SAMPLE_RATIO_ALPHA },
    metrics: ordered.map((metric) => ({ metric, isPrimary: metric === primary, arms: compareBy(metric, arms, measured) })),
  };
}

function compareBy(metric: ArmMetric, arms: readonly ExperimentArm[], measured: ReadonlyMap<string, MeasuredArm>): ComparedArm[] {
  const estimates = arms.map(({ name }) => {
    const moments = measured.get(name)?.moments[metric];
    return moments === undefined || moments.entities < COMPARED_ENTITIES_MIN ? null : ratioEstimate(moments);
  });
  const [control = null, ...others] = estimates;
  const compared = others.map((estimate) =>
    control === null || estimate === null ? null : ratioDifference(control, estimate, EXPERIMENT_ALPHA / others.length),
  );
  const adjusted = holmAdjusted(compared.map((one) => one?.pValue ?? 1));
  return arms.map(({ name }, i) => {
    const difference = compared[i - 1] ?? null;
    const estimate = estimates[i] ?? null;
    return { arm: name, estimate, difference: difference === null ? null : { ...difference, pValue: adjusted[i - 1] as number } };
  });
}
