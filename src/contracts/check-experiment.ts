import type { Allocation } from './allocation.ts';
import { isVersion, VERSION_MAX } from './check-request.ts';
import {
  ARMS_MAX,
  ARMS_MIN,
  EXPERIMENT_BUCKETS,
  experimentMetrics,
  type ChangeExperimentRequest,
  type Experiment,
  type ExperimentArm,
  type StartExperimentRequest,
} from './experiment.ts';

/** They are labels of metrics and parts of variants. */
const NAME = /^[a-z0-9][a-z0-9_-]{0,39}$/;
const NAME_RULE = 'up to 40 small letters, digits, hyphens and underscores, beginning with a letter or digit';
/** Of a share that is meant to be whole buckets: what binary fractions leave over. */
const BUCKET_SLACK = 1e-6;

type Asked = Pick<StartExperimentRequest, 'name' | 'arms' | 'control' | 'metric'>;

/** All that is wrong with an experiment as asked for, whatever the model. Signals may carry anything, so the shape is looked at first. */
export function checkExperiment(asked: Asked): string[] {
  const problems = shapeProblems(asked);
  return problems.length > 0 ? problems : checkRules(asked);
}

function shapeProblems({ name, arms, control }: { readonly [Field in keyof Asked]: unknown }): string[] {
  const isArm = (arm: unknown): boolean => isRecord(arm) && typeof arm['name'] === 'string' && typeof arm['share'] === 'number';
  return [
    ...(typeof name === 'string' ? [] : ['name: expected a text']),
    ...(typeof control === 'string' ? [] : ['control: expected the name of an arm']),
    ...(Array.isArray(arms) && arms.every(isArm) ? [] : ['arms: expected a list of { name, version, share }']),
  ];
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;

function checkRules({ name, arms, control, metric }: Asked): string[] {
  const problems: string[] = [];
  if (!NAME.test(name)) problems.push(`name '${name.slice(0, 60)}': expected ${NAME_RULE}`);
  if (!(experimentMetrics as readonly string[]).includes(metric)) {
    problems.push(`metric '${metric}': expected one of ${experimentMetrics.join(', ')}`);
  }
  if (arms.length < ARMS_MIN || arms.length > ARMS_MAX) problems.push(`${arms.length} arms: expected ${ARMS_MIN} to ${ARMS_MAX}`);
  const names = arms.map((arm) => arm.name);
  for (const arm of arms) {
    if (!NAME.test(arm.name)) problems.push(`arm '${arm.name.slice(0, 60)}': expected a name of ${NAME_RULE}`);
    if (!isVersion(arm.version)) problems.push(`arm '${arm.name}': version ${arm.version}, expected a whole number from 1 to ${VERSION_MAX}`);
  }
  for (const twice of new Set(names.filter((arm, i) => names.indexOf(arm) !== i))) problems.push(`arm '${twice}': it is there twice`);
  if (!names.includes(control)) problems.push(`control '${control}': it is none of the arms ${listed(names)}`);
  return [...problems, ...checkShares(arms, control)];
}

/** All that is wrong with new shares for an experiment. */
export function checkShareChange(experiment: Experiment, { experiment: asked, shares }: ChangeExperimentRequest): string[] {
  const names = experiment.arms.map((arm) => arm.name);
  const isShares = isRecord(shares) && Object.values(shares).every((share) => typeof share === 'number');
  if (!isShares) return ['shares: expected an object of arms and their shares'];
  return [
    ...(asked === experiment.name ? [] : [`experiment '${asked}' does not run: '${experiment.name}' does`]),
    ...Object.keys(shares)
      .filter((arm) => !names.includes(arm))
      .map((arm) => `arm '${arm}': it is none of the arms ${listed(names)}`),
    ...checkShares(withShares(experiment.arms, shares), experiment.control),
  ];
}

/** All that keeps an experiment from starting beside what serves now. */
export function checkStart(present: Allocation | null): string[] {
  if (present === null || present.champion === null) return ['the model has no champion: entities without an arm would have no answer'];
  const { canary, shadow, experiment } = present;
  const problems: string[] = [];
  if (experiment) problems.push(`experiment '${experiment.name}' runs: end it first`);
  if (canary !== null) problems.push(`version ${canary.version} is the canary: a rollout and an experiment exclude each other`);
  if (shadow !== null) problems.push(`version ${shadow} is the shadow: a rollout and an experiment exclude each other`);
  return problems;
}

/** The arms with new shares; arms that `shares` does not name keep theirs. */
export const withShares = (arms: readonly ExperimentArm[], shares: ChangeExperimentRequest['shares']): ExperimentArm[] =>
  arms.map((arm) => ({ ...arm, share: (Object.hasOwn(shares, arm.name) ? shares[arm.name] : undefined) ?? arm.share }));

function checkShares(arms: readonly ExperimentArm[], control: string): string[] {
  const problems: string[] = [];
  for (const { name, share } of arms) {
    const buckets = share * EXPERIMENT_BUCKETS;
    const isWhole = Math.abs(buckets - Math.round(buckets)) < BUCKET_SLACK;
    if (!(share >= 0 && share <= 1) || !isWhole) {
      problems.push(`arm '${name}': share ${share}, expected 0 to 1 in steps of ${1 / EXPERIMENT_BUCKETS}`);
    }
    if (name === control && share === 0) problems.push(`arm '${name}': it is the control and needs a share above 0`);
  }
  const sum = arms.reduce((total, { share }) => total + share, 0);
  if (sum > 1 + BUCKET_SLACK) problems.push(`shares add up to ${Number(sum.toFixed(6))}, expected 1 at most`);
  return problems;
}

const listed = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ') || '(none)';
