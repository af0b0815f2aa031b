import type { AggregationGroup } from './aggregation.ts';
import type { Schema } from './field.ts';

/** `'1'` to the text of N. */
export type RankNames<N extends number> = N extends number ? RanksUpTo<N> : never;
type RanksUpTo<
  N extends number,
  Ranks extends readonly unknown[] = readonly [unknown],
> = Ranks['length'] extends N
  ? `${Ranks['length']}`
  : `${Ranks['length']}` | RanksUpTo<N, readonly [...Ranks, unknown]>;

/** Suffixes of the bins that edges cut: below the first, between two, from the last. */
export type BinNames<Edges extends readonly number[]> = number extends Edges['length']
  ? string
  : Edges extends readonly [infer First extends number, ...number[]]
    ? SafeName<`below_${First}`> | BinsFrom<Edges>
    : never;
type BinsFrom<Edges extends readonly number[]> = Edges extends readonly [
  infer From extends number,
  infer To extends number,
  ...infer Rest extends readonly number[],
]
  ? SafeName<`${From}_to_${To}`> | BinsFrom<readonly [To, ...Rest]>
  : Edges extends readonly [infer Last extends number]
    ? SafeName<`from_${Last}`>
    : never;

// prettier-ignore
type Letter =
  | 'a' | 'b' | 'c' | 'd' | 'e' | 'f' | 'g' | 'h' | 'i' | 'j' | 'k' | 'l' | 'm'
  | 'n' | 'o' | 'p' | 'q' | 'r' | 's' | 't' | 'u' | 'v' | 'w' | 'x' | 'y' | 'z';
type Digit = '0' | '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9';
type Safe = Letter | Uppercase<Letter> | Digit | '_';

/** What `safeName` makes of a text. */
export type SafeName<Text extends string> = string extends Text ? string : SafeRest<Text>;
type SafeRest<Text extends string, Done extends string = ''> = Text extends `${infer Character}${infer Rest}`
  ? SafeRest<Rest, `${Done}${Character extends Safe ? Character : '_'}`>
  : Done;

/** The text with an underscore for every UTF-16 unit that a feature's name can't have. */
export const safeName = (text: string): string => text.replace(/[^A-Za-z0-9_]/g, '_');

/** Names of the features that the definitions of a view make: a group's carry the suffixes of its parts. */
export type FeatureNamesOf<Definitions> = {
  [Name in keyof Definitions & string]: Definitions[Name] extends AggregationGroup<Schema, infer Suffix>
    ? `${Name}_${Suffix}`
    : Name;
}[keyof Definitions & string];
