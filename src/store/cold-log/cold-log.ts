import path from 'node:path';
import type { Duckdb } from '../../infra/duckdb.ts';
import { createDuckdb } from '../../infra/duckdb.ts';
import { duckdbOptions, type ColdLogConfig } from '../../infra/cold-log-config.ts';
import type { Postgres, Queryable } from '../../infra/postgres.ts';

/** Where the exported days of the offline logs lie, and what reads them. */
export interface ColdLog {
  readonly directory: string;
  readonly duckdb: Duckdb;
  /** Files that this process has held against their digests, by path: each is checked once, and again when it changed. */
  readonly verified: Map<string, string>;
  close(): void;
}

/** A database whose logs can be read hot and cold. Without a cold log, reading a log that has pruned rows is refused. */
export interface LogDatabase extends Postgres {
  readonly coldLog: ColdLog;
}

export function createColdLog(config: ColdLogConfig): ColdLog {
  const duckdb = createDuckdb(duckdbOptions(config));
  return {
    directory: path.resolve(config.coldLogDir ?? path.join(config.dataDir, 'cold-log')),
    duckdb,
    verified: new Map(),
    close: () => duckdb.close(),
  };
}

/** The same database, whose log reads reach the cold log too. */
export const withColdLog = (postgres: Postgres, coldLog: ColdLog): LogDatabase => ({ ...postgres, coldLog });

export const coldLogOf = (db: Queryable): ColdLog | undefined => (db as Partial<LogDatabase>).coldLog;
