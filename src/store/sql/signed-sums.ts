import type { SqlAggregateInput } from './sql-aggregate.ts';

type Events = Pick<SqlAggregateInput, 'filter' | 'sign'>;

/** How many events; of a source whose rows change, those added less those taken back. */
export const countOf = ({ filter, sign }: Events): string =>
  sign === null ? `count(*) FILTER (WHERE ${filter})` : `coalesce(sum(${sign}) FILTER (WHERE ${filter}), 0)`;

/** How many events of which an expression is not null, signed as in `countOf`. */
export const countOfValues = ({ filter, sign }: Events, expression: string): string =>
  sign === null
    ? `count(${expression}) FILTER (WHERE ${filter})`
    : countOf({ sign, filter: `${filter} AND ${expression} IS NOT NULL` });

/** Sum of a numeric expression over the events, each by its sign. */
export const sumOf = ({ filter, sign }: Events, expression: string): string =>
  `sum(${sign === null ? expression : `${sign} * (${expression})`}) FILTER (WHERE ${filter})`;
