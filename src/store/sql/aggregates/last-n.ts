import { integerLiteral } from '../literals.ts';
import { sqlAggregate } from '../sql-aggregate.ts';

/** All ranks of a field are read from one list of the n newest. */
export const lastN = sqlAggregate({
  parts: ({ value, effectiveMs, knownMs, over }, { n }) => {
    const triple = `ARRAY[${effectiveMs}, ${knownMs}, ${value}]::float8[]`;
    const newest = over(`array_agg(${triple} ORDER BY ${triple} DESC)`, `${value} IS NOT NULL`);
    return {
      newest: { aggregate: `(${newest})[1:${integerLiteral(n ?? 1)}][1:3]`, merge: 'millrace.concat' },
    };
  },
  value: ({ newest }, { rank }) => `millrace.nth_newest(${newest}, ${integerLiteral(rank ?? 1)})`,
});
