import type { AggregationGroup } from './aggregation.ts';
import type { Schema } from './field.ts';

/** `'1'` to the text of N. */
export type RankNames<N extends number> = N extends number ? RanksUpTo<N> : never;
type RanksUpTo<N extends number, Ranks extends readonly unknown[] = readonly [unknown]> =
  Ranks['length'] extends N
    ? `${Ranks['length']}`
    : `${Ranks['length']}` | RanksUpTo<N, readonly [...Ranks, unknown]>;

/** Names of the features that the definitions of a view make: a group's carry the suffixes of its parts. */
export type FeatureNamesOf<Definitions> = {
  [Name in keyof Definitions & string]: Definitions[Name] extends AggregationGroup<Schema, infer Suffix>
    ? `${Name}_${Suffix}`
    : Name;
}[keyof Definitions & string];
