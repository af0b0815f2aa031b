/** `let name = value in body`: a lambda over a list of one, so that a macro's text does not grow with each use of its argument. */
const bind = (name: string, value: string, body: string): string => `list_transform([${value}], lambda ${name}: ${body})[1]`;

/** The sum of two doubles and what it lost (Knuth 1969), plus what they had lost before, put in order. */
function plusSql(a: string, b: string): string {
  const s = `(${a}.h + ${b}.h)`;
  const v = `(${s} - ${a}.h)`;
  const e = `(((${a}.h - (${s} - ${v})) + (${b}.h - ${v})) + (${a}.l + ${b}.l))`;
  return `{'h': ${s} + ${e}, 'l': ${e} - ((${s} + ${e}) - ${s})}`;
}

/** Splits a double of 53 bits into two of 26 (Dekker 1971). */
const SPLITTER = '134217729::DOUBLE';
const high = (x: string): string => `((${SPLITTER} * ${x}) - ((${SPLITTER} * ${x}) - ${x}))`;
const low = (x: string): string => `(${x} - ${high(x)})`;

/** What the product of two doubles lost. */
const productError = (x: string, y: string): string =>
  `(((${high(x)} * ${high(y)} - ${x} * ${y}) + ${high(x)} * ${low(y)} + ${low(x)} * ${high(y)}) + ${low(x)} * ${low(y)})`;

/** docs/features.md: a variance of at most this share of the mean square is 0. */
const VARIANCE_SHARE_MIN = '1e-20::DOUBLE';

/**
 * Functions that a feature view's query calls, by the names that they have in Millrace's database: the same query then
 * means the same in DuckDB. Statements that may run again.
 */
export const duckdbMacros: readonly string[] = [
  'CREATE SCHEMA IF NOT EXISTS millrace',
  ...Object.entries({
    'epoch_ms(moment)': 'epoch_ms(moment)',
    'tile_start(moment_ms, hop_ms)': 'moment_ms - (moment_ms % hop_ms + hop_ms) % hop_ms',
    'ratio(numerator, denominator)':
      'CASE WHEN isfinite(numerator) AND isfinite(denominator) AND denominator <> 0 AND isfinite(numerator / denominator) THEN numerator / denominator END',
    'difference(minuend, subtrahend)':
      'CASE WHEN isfinite(minuend) AND isfinite(subtrahend) AND isfinite(minuend - subtrahend) THEN minuend - subtrahend END',
    'distinct_of(amounts)': 'coalesce(len(list_distinct(amounts)), 0)::DOUBLE',
    // Rows that change have no forms in this dialect: nothing is ever gone.
    'less(amounts, gone)': 'amounts',
    'quantile_of(amounts, q)': 'list_sort(amounts)[floor(q * (len(amounts) - 1))::BIGINT + 1]',
    'nth_newest(newest, rank)': 'newest[rank][3]',
    // 42 bits of a whole number from a bit on: the greatest part takes the sign and the rest.
    'bits_of(whole, from_bit)': `CASE from_bit
      WHEN 84 THEN whole // ${2n ** 84n}::HUGEINT
      WHEN 42 THEN (whole - (whole // ${2n ** 84n}::HUGEINT) * ${2n ** 84n}::HUGEINT) // ${2n ** 42n}::HUGEINT
      ELSE whole - (whole // ${2n ** 42n}::HUGEINT) * ${2n ** 42n}::HUGEINT END::DOUBLE`,
    'add_up(doubles)': `list_reduce(list_transform(doubles, lambda x: {'h': x, 'l': 0::DOUBLE}), lambda a, b: ${plusSql('a', 'b')})`,
    'nearest_double(pair)': bind('p', 'pair', 'p.h + p.l'),
    'square_error(x)': productError('x', 'x'),
    // n times the sum of squares, less the square of the sum.
    'spread_of(n, total, squares)': bind(
      't',
      "{'n': n, 't': total, 's': squares}",
      bind(
        'd',
        `{'all': ${bind(
          'm',
          `{'p': {'h': t.n * t.s.h, 'l': ${productError('t.n', 't.s.h')} + t.n * t.s.l}, 'q': {'h': -(t.t.h * t.t.h), 'l': -(${productError('t.t.h', 't.t.h')} + 2 * t.t.h * t.t.l)}}`,
          plusSql('m.p', 'm.q'),
        )}, 'least': ${VARIANCE_SHARE_MIN} * t.n * t.s.h}`,
        'CASE WHEN d.all.h + d.all.l <= d.least THEN 0 ELSE d.all.h + d.all.l END',
      ),
    ),
  }).map(([signature, body]) => `CREATE OR REPLACE MACRO millrace.${signature} AS ${body}`),
];
