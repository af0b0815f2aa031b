import { approxDistinct } from '../aggregates/approx-distinct.ts';
import { approxQuantile } from '../aggregates/approx-quantile.ts';
import { count } from '../aggregates/count.ts';
import { first } from '../aggregates/first.ts';
import { last } from '../aggregates/last.ts';
import { max } from '../aggregates/max.ts';
import { min } from '../aggregates/min.ts';
import { timeSinceLast } from '../aggregates/time-since-last.ts';
import { logTable } from '../../log-table.ts';
import { integerLiteral } from '../literals.ts';
import { sqlAggregate } from '../sql-aggregate.ts';
import { offsetsOf, type SqlDialect } from '../sql-dialect.ts';
import { exactMean, exactStddev, exactSum, exactVariance } from './exact-sums.ts';

/** Lists within a list are cut by their own slices in PostgreSQL only. */
const lastN = sqlAggregate({
  parts: ({ value, effectiveMs, knownMs, over }, { n }) => {
    const triple = `ARRAY[${effectiveMs}, ${knownMs}, ${value}]::float8[]`;
    const newest = over(`array_agg(${triple} ORDER BY ${triple} DESC)`, `${value} IS NOT NULL`);
    return { newest: { aggregate: `(${newest})[1:${integerLiteral(n ?? 1)}]`, merge: 'millrace.concat' } };
  },
  value: ({ newest }, { rank }) => `millrace.nth_newest(${newest}, ${integerLiteral(rank ?? 1)})`,
});

/** DuckDB over exported files: a view `log.<source>` stands for the log, and `duckdbMacros` for the functions of Millrace's schema. */
export const duckdbDialect: SqlDialect = {
  name: 'duckdb',
  forms: {
    count,
    sum: exactSum,
    mean: exactMean,
    min,
    max,
    variance: exactVariance,
    stddev: exactStddev,
    first,
    last,
    lastN,
    timeSinceLast,
    approxDistinct,
    approxQuantile,
  },
  hasChanges: false,
  relation: logTable,
  moment: (ms) => `make_timestamptz(${ms} * 1000)`,
  fenceText: (fence) => `[${offsetsOf(fence).join(',')}]`,
};
