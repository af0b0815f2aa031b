/** Traffic of an experiment is cut into so many buckets: a share is a whole number of them. */
export const EXPERIMENT_BUCKETS = 10_000;
export const ARMS_MIN = 2;
export const ARMS_MAX = 8;
/** Ranges of buckets that an allocation holds: each change of shares may cut some, and every prediction looks through them. */
export const RANGES_MAX = 64;

/** What the arms of an experiment are compared by. */
export const experimentMetrics = ['log-loss', 'brier', 'outcome-rate'] as const;
export type ExperimentMetric = (typeof experimentMetrics)[number];

/** A version that takes a share of the entities. Two arms may have the same version. */
export interface ExperimentArm {
  readonly name: string;
  readonly version: number;
  /** 0..1 of all entities, to a ten-thousandth. */
  readonly share: number;
}

/** Buckets from `from` up to and without `to`. */
export interface BucketRange {
  readonly arm: string;
  readonly from: number;
  readonly to: number;
}

/** An experiment as it is decided: the registry adds when it came to be. */
export interface PlannedExperiment {
  readonly name: string;
  readonly arms: readonly ExperimentArm[];
  /** Name of the arm that the others are compared with. */
  readonly control: string;
  readonly metric: ExperimentMetric;
  /** Ascending and apart. Empty while the arms' versions are being loaded: every entity then has the champion. */
  readonly ranges: readonly BucketRange[];
  readonly startedBy: string;
  readonly reason: string;
}

/** An A/B test of a model's versions: each entity has one arm, or none and then the champion. */
export interface Experiment extends PlannedExperiment {
  /** When its arms got their first ranges; ms since the epoch by the database's clock, as `changedAt`. */
  readonly startedAt: number;
  /** When the ranges became what they are. */
  readonly changedAt: number;
}

/** What decisions and replies call an arm. */
export type ArmVariant = `${string}/${string}`;
export const armVariant = (experiment: string, arm: string): ArmVariant => `${experiment}/${arm}`;

/** As the table of decisions has it: a row that it refused would stop whoever stores decisions. */
export const ARM_VARIANT_PATTERN = /^[a-z0-9][a-z0-9_-]*\/[a-z0-9][a-z0-9_-]*$/;

export const isArmVariant = (variant: string): variant is ArmVariant => variant.includes('/');

export const experimentOf = (variant: ArmVariant): string => variant.slice(0, variant.indexOf('/'));

export const bucketsOf = (share: number): number => Math.round(share * EXPERIMENT_BUCKETS);

/** @param point in [0, 1), of an entity in the experiment */
export const bucketOf = (point: number): number => Math.floor(point * EXPERIMENT_BUCKETS);

/** The range that has a bucket, or undefined where no arm has it. */
export const rangeAt = <Range extends { readonly from: number; readonly to: number }>(
  ranges: readonly Range[],
  bucket: number,
): Range | undefined => ranges.find(({ from, to }) => bucket >= from && bucket < to);

export interface StartExperimentRequest extends Pick<Experiment, 'name' | 'arms' | 'control' | 'metric' | 'reason'> {
  readonly requestedBy: string;
}

/** New shares of arms by name; arms that it does not name keep theirs. */
export interface ChangeExperimentRequest {
  readonly experiment: string;
  readonly shares: Readonly<Record<string, number>>;
  readonly requestedBy: string;
  readonly reason: string;
}

export interface EndExperimentRequest {
  readonly experiment: string;
  /** Arm whose version becomes the champion; null leaves the champion as it is. */
  readonly winner: string | null;
  readonly requestedBy: string;
  readonly reason: string;
}

/** What an operator asked for of an experiment. */
export type ExperimentCommand =
  | ({ readonly kind: 'start-experiment' } & StartExperimentRequest)
  | ({ readonly kind: 'change-experiment' } & ChangeExperimentRequest)
  | ({ readonly kind: 'end-experiment' } & EndExperimentRequest);

export const isExperimentCommand = <Command extends { readonly kind: string }>(command: Command | ExperimentCommand): command is ExperimentCommand =>
  command.kind.endsWith('-experiment');
