import type { Queryable } from '../../infra/postgres.ts';
import type { ColdLog } from './cold-log.ts';
import { logTable } from '../log-table.ts';

/** A transaction in which rows of the cold log lie beside the logs' tables. */
export interface WarmQueryable extends Queryable {
  /** Source -> what stands for its log in SQL: the table and the rows beside it. */
  readonly warmLogs?: ReadonlyMap<string, string>;
  /** For readers that scan a log, hot and cold, themselves. */
  readonly coldLog?: ColdLog;
}

/** What a query of raw rows reads a source's log from: its table, or the table and what was laid beside it. */
export const logRelation = (db: Queryable, source: string): string =>
  (db as WarmQueryable).warmLogs?.get(source) ?? logTable(source);
