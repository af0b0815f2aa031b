import { sqlAggregate, type SqlAggregateInput, type SqlPart } from '../sql-aggregate.ts';

/*
 * DuckDB adds doubles with rounding, and its decimals hold 38 digits. So each double is cut at fixed places into whole
 * numbers of at most 64 bits, each place is summed up in HUGEINT, which is exact, and the sums are put together once, in
 * double-double arithmetic (Dekker 1971): about 106 bits. What lies below the least place is added up as doubles: no float32 shows it, but a
 * ratio asks whether what it divides by is 0.
 */

/** Places, as exponents of two: a number's bits from one place up to the next. */
const PLACE_BITS = 64;
/** Down to where no bit counts in a float32, and up to its largest. */
const VALUE_PLACES = [-192, -128, -64, 0, 64];
const SQUARE_PLACES = [-384, -320, -256, -192, -128, -64, 0, 64, 128, 192];

const power = (exponent: number): string => `${2 ** exponent}::DOUBLE`;

/** What a number has from one place up to the next, in units of the place; from the last place on all of it. */
function digitSql(x: string, place: number, places: readonly number[]): string {
  const rest = place === places.at(-1) ? x : `(${x} - trunc(${x} / ${power(place + PLACE_BITS)}) * ${power(place + PLACE_BITS)})`;
  return `trunc(${rest} / ${power(place)})::HUGEINT`;
}

/** What a number has below the least place: exact, for both are multiples of what it is. */
function restSql(x: string, places: readonly number[]): string {
  const least = power(places[0]!);
  return `(${x} - trunc(${x} / ${least}) * ${least})`;
}

/** Sums by place of one or several numbers of each event, and of what they have below. */
function sumsByPlace(
  { value, over }: SqlAggregateInput,
  name: string,
  places: readonly number[],
  numbers: readonly string[],
): Record<string, SqlPart> {
  const sumOf = (terms: readonly string[]): SqlPart => ({ aggregate: over(`sum(${terms.join(' + ')})`, `${value} IS NOT NULL`), merge: 'sum' });
  return {
    ...Object.fromEntries(places.map((place, i) => [`${name}${i}`, sumOf(numbers.map((x) => digitSql(x, place, places)))])),
    [`${name}rest`]: sumOf(numbers.map((x) => restSql(x, places))),
  };
}

/** Parts of 42 bits, which doubles hold, the greatest first. */
const PARTS = [84, 42, 0];

/** The sum as a double-double { h, l }, from its sums by place. */
function totalSql(parts: Readonly<Record<string, string>>, name: string, places: readonly number[]): string {
  const sums = places.map((_, i) => parts[`${name}${i}`] ?? 'NULL');
  const doubles = places.flatMap((place, i) =>
    PARTS.map((bits) => `millrace.bits_of(${sums[i]}, ${bits}) * ${power(place)} * ${power(bits)}`),
  );
  return `millrace.add_up([${[...doubles.reverse(), parts[`${name}rest`] ?? 'NULL'].join(', ')}])`;
}

const counted = ({ value, over }: SqlAggregateInput): SqlPart => ({ aggregate: over(`count(${value})`), merge: 'sum' });

const valueSums = (input: SqlAggregateInput): Record<string, SqlPart> => ({
  n: counted(input),
  ...sumsByPlace(input, 'v', VALUE_PLACES, [input.value]),
});

const squareSums = (input: SqlAggregateInput): Record<string, SqlPart> => ({
  ...valueSums(input),
  ...sumsByPlace(input, 's', SQUARE_PLACES, [`(${input.value} * ${input.value})`, `millrace.square_error(${input.value})`]),
});

const overSums = (value: (total: string, n: string, squares: string) => string, hasSquares: boolean) =>
  sqlAggregate<string>({
    parts: (input) => (hasSquares ? squareSums(input) : valueSums(input)),
    value: (parts) => {
      const squares = hasSquares ? totalSql(parts, 's', SQUARE_PLACES) : 'NULL';
      return `CASE WHEN ${parts['n']} > 0 THEN ${value(totalSql(parts, 'v', VALUE_PLACES), `${parts['n']}`, squares)} END`;
    },
  });

export const exactSum = overSums((total) => `millrace.nearest_double(${total})`, false);
export const exactMean = overSums((total, n) => `millrace.nearest_double(${total}) / ${n}`, false);
export const exactVariance = overSums(
  (total, n, squares) => `millrace.spread_of(${n}::DOUBLE, ${total}, ${squares}) / ${n} / ${n}`,
  true,
);
export const exactStddev = overSums(
  (total, n, squares) => `sqrt(millrace.spread_of(${n}::DOUBLE, ${total}, ${squares})) / ${n}`,
  true,
);
