import { assignRanges } from '../../../src/contracts/assign-ranges.ts';
import { withShares } from '../../../src/contracts/check-experiment.ts';
import type { Experiment, ExperimentArm } from '../../../src/contracts/experiment.ts';

/** A running experiment; the first arm is the control. */
export function experimentOf(name: string, arms: readonly ExperimentArm[], over: Partial<Experiment> = {}): Experiment {
  return {
    name,
    arms,
    control: arms[0]?.name ?? '',
    metric: 'log-loss',
    ranges: assignRanges([], arms),
    startedAt: 1_000,
    changedAt: 1_000,
    startedBy: 'tester',
    reason: 'test',
    ...over,
  };
}

/** The same with other shares, as the lifecycle changes them. */
export function changedExperiment(experiment: Experiment, shares: Readonly<Record<string, number>>): Experiment {
  const arms = withShares(experiment.arms, shares);
  return { ...experiment, arms, ranges: assignRanges(experiment.ranges, arms) };
}
