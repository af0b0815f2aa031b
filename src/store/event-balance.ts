import type { Names } from '../contracts/names.ts';
import type { KafkaClient } from '../infra/kafka.ts';
import { CHANGE_SIGN } from '../define/change-fields.ts';
import { quoteIdentifier, type Postgres } from '../infra/postgres.ts';
import { prunedTotals } from './cold-log/cold-files.ts';

/** Where the events of one source went. */
export interface SourceBalance {
  readonly source: string;
  /** Messages that its topic ever held. */
  readonly sent: number;
  readonly stored: number;
  readonly duplicates: number;
  readonly deadLetters: number;
  /** Events that the offline log really holds: counted, those in the cold log by the files that hold them. A change is one, of one row or two. */
  readonly rows: number;
  /** Dead letters that the table really holds. */
  readonly deadLetterRows: number;
  /** Sent and in none of the three: still on the way, or lost. */
  readonly missing: number;
}

export async function readEventBalance(
  postgres: Postgres,
  kafka: KafkaClient,
  names: Names,
  sources: readonly string[],
): Promise<SourceBalance[]> {
  return Promise.all(
    sources.map(async (source) => {
      const offsets = await kafka.topicOffsets(names.sourceTopic(source));
      const sent = offsets.reduce((total, partition) => total + partition.end, 0);
      const [counted] = await postgres.query<{ stored: number; duplicates: number; dead: number }>(
        `SELECT coalesce(sum(stored), 0)::float8 AS stored, coalesce(sum(duplicates), 0)::float8 AS duplicates,
                coalesce(sum(dead_letters), 0)::float8 AS dead
           FROM millrace.ingest_positions WHERE source = $1`,
        [source],
      );
      const [log] = await postgres.query<{ rows: number }>(
        `SELECT ${await countOfEvents(postgres, source)} AS rows FROM log.${quoteIdentifier(source)}`,
      );
      const cold = await prunedTotals(postgres, source);
      const [dead] = await postgres.query<{ rows: number }>(
        'SELECT count(*)::float8 AS rows FROM millrace.dead_letters WHERE source = $1',
        [source],
      );
      const { stored, duplicates, dead: deadLetters } = counted ?? { stored: 0, duplicates: 0, dead: 0 };
      return {
        source,
        sent,
        stored,
        duplicates,
        deadLetters,
        rows: (log?.rows ?? 0) + cold.rows,
        deadLetterRows: dead?.rows ?? 0,
        missing: sent - stored - duplicates - deadLetters,
      };
    }),
  );
}

/** Of events the rows; of changes the offsets, which take longer to count. */
async function countOfEvents(postgres: Postgres, source: string): Promise<string> {
  const [sign] = await postgres.query(
    "SELECT 1 FROM information_schema.columns WHERE table_schema = 'log' AND table_name = $1 AND column_name = $2",
    [source, CHANGE_SIGN],
  );
  return sign === undefined ? 'count(*)::float8' : 'count(DISTINCT (source_partition, source_offset))::float8';
}
