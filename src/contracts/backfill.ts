/** Rows of the offline log that a backfill reads in a second, unless told otherwise. */
export const BACKFILL_ROWS_PER_SECOND_DEFAULT = 100_000;
export const BACKFILL_ROWS_PER_SECOND_MAX = 10_000_000;

export interface BackfillInput {
  readonly namespace: string;
  readonly view: string;
  readonly version: number;
  /** Over all partitions together. */
  readonly rowsPerSecond: number;
  readonly requestedBy: string;
  readonly reason: string;
  readonly carried?: BackfillCarried;
}

/** What survives continue-as-new; how far the partitions are is with their states. */
export interface BackfillCarried {
  readonly paused: boolean;
}

export const backfillSignals = { pause: 'pause', resume: 'resume', setRate: 'setRate' } as const;
export const backfillQueries = { progress: 'progress' } as const;

export interface BackfillStatus {
  readonly view: string;
  readonly version: number;
  readonly phase: 'building' | 'backfilling' | 'comparing' | 'flipping' | 'done' | 'superseded';
  readonly paused: boolean;
  readonly rowsPerSecond: number;
  readonly partitions: number;
  readonly partitionsDone: number;
  /** Rows of the log read so far and in all: each partition of the view reads the whole log. */
  readonly rows: number;
  readonly rowsInAll: number;
  readonly events: number;
}

/** What a new version was held against before it became current. */
export interface ComparisonSummary {
  readonly keys: number;
  readonly moments: number;
  readonly values: number;
  readonly valuesWithCurrent: number;
  readonly by: 'sql' | 'fold';
}

export interface BackfillResult {
  readonly view: string;
  readonly version: number;
  readonly events: number;
  /** Null where another version took its place before it was filled. */
  readonly compared: ComparisonSummary | null;
  /** The version that was current before; null where there was none. */
  readonly replaced: number | null;
}

export interface BackfillSliceResult {
  readonly done: boolean;
  readonly superseded: boolean;
  readonly rows: number;
  readonly rowsInAll: number;
  readonly events: number;
}

interface ViewVersionName {
  readonly view: string;
  readonly version: number;
}

interface Change extends ViewVersionName {
  readonly actor: string;
  readonly reason: string;
}

export interface BackfillActivities {
  /** Waits until ingest sends the version its frames, then begins. Null: the version is not to be filled any more. */
  beginBackfill(input: Change): Promise<{ partitions: number } | null>;
  /** Fills one partition for a while, heartbeating; what it wrote is kept with its progress, however it ends. */
  backfillSlice(
    input: ViewVersionName & { partition: number; owner: string; rowsPerSecond: number; sliceMs: number },
  ): Promise<BackfillSliceResult>;
  /** Lets the live consumer have the version and waits until it has caught up. False: no more to be compared. */
  beginComparing(input: Change): Promise<boolean>;
  /** Fails with FEATURE_VIEW_UNEQUAL, naming the first differences. */
  compareViewVersion(input: ViewVersionName): Promise<ComparisonSummary>;
  /** Makes it the current version, in one transaction with its ledger entry. */
  flipViewVersion(input: Change & { compared: ComparisonSummary }): Promise<{ replaced: number | null }>;
}
