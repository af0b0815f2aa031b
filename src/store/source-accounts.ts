import type { Queryable } from '../infra/postgres.ts';

/** What the offline log accounts for of one source, by its counters: cheap, where the event balance counts rows. */
export interface SourceAccount {
  readonly source: string;
  readonly stored: number;
  readonly duplicates: number;
  readonly deadLetters: number;
  readonly beyondWindows: number;
  /** Known time of the newest stored event, ms since the epoch; null before the first. */
  readonly newestKnownTime: number | null;
  /** Source partition -> offset of the first event that is not accounted for. */
  readonly nextOffsets: Readonly<Record<string, number>>;
}

/** Accounts of all sources that were applied, in the order of their names. */
export async function readSourceAccounts(db: Queryable): Promise<SourceAccount[]> {
  return db.query<SourceAccount>(
    `SELECT source, sum(stored)::float8 AS stored, sum(duplicates)::float8 AS duplicates,
            sum(dead_letters)::float8 AS "deadLetters", sum(beyond_windows)::float8 AS "beyondWindows",
            (extract(epoch FROM max(newest_known_time)) * 1000)::float8 AS "newestKnownTime",
            jsonb_object_agg(partition, next_offset) AS "nextOffsets"
       FROM millrace.ingest_positions GROUP BY source ORDER BY source`,
  );
}

/** What the decision sink has of one partition of its topic. */
export interface DecisionAccount {
  readonly partition: number;
  /** Offset of the first message that is not stored. */
  readonly next: number;
  readonly stored: number;
}

/** Accounts of all partitions that a decision was stored of. */
export const readDecisionAccounts = (db: Queryable): Promise<DecisionAccount[]> =>
  db.query<DecisionAccount>('SELECT partition, next_offset::float8 AS next, stored::float8 AS stored FROM millrace.decision_positions');
