import type { SliceMetrics } from '../contracts/model-bundle.ts';

/** What served beside one version that answers the same rows again. */
export interface ComparedSlice {
  /** `'2013-04'`, by decision time in UTC, or `'all'`. */
  readonly slice: string;
  readonly served: SliceMetrics;
  readonly other: SliceMetrics;
  /** Versions that served in the slice, ascending. */
  readonly versions: readonly number[];
}

export interface VersionComparison {
  readonly model: string;
  readonly version: number;
  /** Decisions with a label whose rows lack what the version takes, or have something else by its name. */
  readonly leftOut: number;
  readonly overall: ComparedSlice;
  readonly byMonth: readonly ComparedSlice[];
}
