import type { Duration } from '../core/duration.ts';
import type { Condition } from './condition.ts';
import type { Schema } from './field.ts';

export type AggregationKind =
  | 'count'
  | 'sum'
  | 'mean'
  | 'min'
  | 'max'
  | 'variance'
  | 'stddev'
  | 'skewness'
  | 'first'
  | 'last'
  | 'lastN'
  | 'decayedCount'
  | 'decayedSum'
  | 'decayedMean'
  | 'timeSinceLast'
  | 'approxDistinct'
  | 'approxQuantile'
  | 'topK';

export type Window = Duration | 'lifetime';

/**
 * One aggregation over one sawtooth window. Nulls of the field are skipped; an empty count (decayed or distinct or not) is 0 and
 * every other empty aggregation is null.
 */
export interface Aggregation<S extends Schema = Schema> {
  readonly kind: AggregationKind;
  /** Null where the aggregation reads no field (count, decayedCount, timeSinceLast). */
  readonly field: string | null;
  /** `lifetime`: all events, in one tile that never ages. */
  readonly window: Window;
  /** Step of the window's tail; the ladder's value for the window where absent. */
  readonly hop?: Duration;
  readonly where?: Condition<S>;
  /** Of a lastN: how many values are kept. Of a topK: its k. */
  readonly n?: number;
  /** Of a lastN or a topK: which of them this feature is; 1 is the newest, or the most frequent. */
  readonly rank?: number;
  /** Of the decayed kinds: the age at which an event weighs half. */
  readonly halfLife?: Duration;
  /** Of an approxQuantile: which one, from 0 (the smallest value) to 1 (the greatest). */
  readonly q?: number;
}

export type CombinationKind = 'ratio' | 'difference';

/** A number made of two aggregations of one view; null where one of them is, or where the ratio's second is 0. */
export interface Combination<S extends Schema = Schema> {
  readonly kind: CombinationKind;
  readonly parts: readonly [Aggregation<S>, Aggregation<S>];
}

/** What one value of a view is computed from. */
export type ViewFeature<S extends Schema = Schema> = Aggregation<S> | Combination<S>;

/** Whether a feature is made of others. What is no feature at all, as a definition may have it, is not. */
export const hasParts = (feature: ViewFeature | undefined): feature is Combination => typeof feature === 'object' && 'parts' in feature;

/** The aggregations that a feature is made of: its parts, or itself. */
export function aggregationsOf(feature: ViewFeature): readonly Aggregation[] {
  return hasParts(feature) ? feature.parts : [feature];
}

/** One feature for each listed value of a text field. */
export interface BucketBy<Field extends string = string, Value extends string = string> {
  readonly field: Field;
  readonly values: readonly Value[];
}

interface ByRank {
  readonly n: number;
  /** Name of the option that says n. */
  readonly option: 'n' | 'k';
}

interface ByCategory<S extends Schema> extends BucketBy {
  /** Whether a last part is of all other values. */
  readonly hasOther: boolean;
  readonly where: Condition<S> | null;
}

interface ByBin<S extends Schema> {
  readonly field: string;
  /** Where a bin ends, exclusive, and the next begins. */
  readonly edges: readonly number[];
  readonly where: Condition<S> | null;
}

/** One definition that makes several features: `<name>_<suffix>` for each of its parts. */
export interface AggregationGroup<S extends Schema = Schema, Suffix extends string = string> {
  readonly kind: 'group';
  /** What tells the parts apart: ranks from 1 to n, the categories of a text field, or the bins of a number. */
  readonly by: ByRank | ByCategory<S> | ByBin<S>;
  readonly parts: readonly { readonly suffix: Suffix; readonly aggregation: Aggregation<S> }[];
}

/** What a user writes for one name of a feature view. */
export type FeatureDefinition = ViewFeature | AggregationGroup;

/** Features by name, each group as its parts; of two that have one name the later stays. */
export function expandDefinitions(
  definitions: Readonly<Record<string, FeatureDefinition | undefined>>,
): Readonly<Record<string, ViewFeature>> {
  return Object.fromEntries(
    Object.entries(definitions).flatMap(([name, definition]): [string, ViewFeature][] =>
      definition?.kind === 'group'
        ? definition.parts.map(({ suffix, aggregation }) => [partName(name, suffix), aggregation])
        : // What is no feature is there to be found by the checks.
          [[name, definition as ViewFeature]],
    ),
  );
}

/** Name of the feature that a part of a group is. */
export const partName = (name: string, suffix: string): string => `${name}_${suffix}`;
