import type { AggregationKind } from '../../define/aggregation.ts';
import type { Fence } from '../../contracts/decision.ts';
import { logTable } from '../log-table.ts';
import { sqlAggregates } from './sql-forms.ts';
import type { SqlAggregate } from './sql-aggregate.ts';

export type SqlForms = Partial<Readonly<Record<AggregationKind, SqlAggregate>>>;

/** What differs between the databases that a view is compiled for. All else of a query is the same text in both. */
export interface SqlDialect {
  readonly name: 'postgres' | 'duckdb';
  /** By kind of aggregation; one that is missing has no form in this dialect. */
  readonly forms: SqlForms;
  /** Whether the forms go by the sign of rows that change. */
  readonly hasChanges: boolean;
  /** What a source's raw rows are read from. */
  relation(source: string): string;
  /** A moment, from an expression in ms since the epoch. */
  moment(ms: string): string;
  /** Text of a list of offsets by source partition, as a cast to bigint[] takes it. */
  fenceText(fence: Fence): string;
}

export const postgresDialect: SqlDialect = {
  name: 'postgres',
  forms: sqlAggregates,
  hasChanges: true,
  relation: logTable,
  moment: (ms) => `timestamptz 'epoch' + ${ms} * interval '1 millisecond'`,
  fenceText: (fence) => `{${offsetsOf(fence).join(',')}}`,
};

/** By source partition from 0; -1 has let nothing through. */
export function offsetsOf(fence: Fence): number[] {
  const partitions = Object.keys(fence).map(Number);
  const length = partitions.length === 0 ? 0 : Math.max(...partitions) + 1;
  return Array.from({ length }, (_, partition) => fence[partition] ?? -1);
}
