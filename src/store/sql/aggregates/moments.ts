import { sqlAggregate, type SqlAggregateInput, type SqlPart } from '../sql-aggregate.ts';

/** How many values, their sum and the sum of their squares: exact. */
const powerSums = ({
  exact,
  counted,
  summed,
}: SqlAggregateInput): Readonly<Record<'n' | 'total' | 'squares', SqlPart>> => ({
  n: { aggregate: counted(exact), merge: 'sum' },
  total: { aggregate: summed(exact), merge: 'sum' },
  squares: { aggregate: summed(`${exact} * ${exact}`), merge: 'sum' },
});

export const variance = sqlAggregate({
  readsExact: true,
  parts: powerSums,
  value: ({ n, total, squares }) => `millrace.variance_of(${n}, ${total}, ${squares})`,
});

export const stddev = sqlAggregate({
  readsExact: true,
  parts: powerSums,
  value: ({ n, total, squares }) => `millrace.stddev_of(${n}, ${total}, ${squares})`,
});

export const skewness = sqlAggregate({
  readsExact: true,
  parts: (input) => ({
    ...powerSums(input),
    cubes: { aggregate: input.summed(`${input.exact} * ${input.exact} * ${input.exact}`), merge: 'sum' },
  }),
  value: ({ n, total, squares, cubes }) => `millrace.skewness_of(${n}, ${total}, ${squares}, ${cubes})`,
});
