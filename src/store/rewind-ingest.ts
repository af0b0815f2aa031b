import { MillraceError } from '../core/millrace-error.ts';
import type { Source } from '../define/source.ts';
import type { KafkaClient } from '../infra/kafka.ts';
import type { Postgres } from '../infra/postgres.ts';
import type { Names } from '../contracts/names.ts';
import { retireColdFiles } from './cold-log/retire-cold-files.ts';
import { logTable } from './log-table.ts';

/**
 * Sets the ingest of a source back to the first event known at or after `fromKnownTime`, so that Kafka's
 * messages are read, checked and stored again from there; the states' fences ignore what they have.
 * All partitions or none.
 * @throws MillraceError STREAM_GAP where Kafka no longer has the events, COLD_LOG_REWIND_REFUSED where Postgres no longer has the rows
 */
export async function rewindIngest(
  deps: { postgres: Postgres; kafka: KafkaClient; names: Names },
  source: Source,
  fromKnownTime: number,
): Promise<void> {
  const table = logTable(source.name);
  const kept = new Map(
    (await deps.kafka.topicOffsets(deps.names.sourceTopic(source.name))).map((o) => [
      o.partition,
      o.earliest,
    ]),
  );
  await deps.postgres.transaction(async (tx) => {
    await tx.query(
      'SELECT 1 FROM millrace.ingest_positions WHERE source = $1 ORDER BY partition FOR UPDATE',
      [source.name],
    );
    const firsts = await tx.query<{ partition: number; first: number }>(
      `SELECT partition, min(first)::float8 AS first FROM (
         SELECT source_partition AS partition, min(source_offset) AS first FROM ${table}
         WHERE known_time >= to_timestamp($1::double precision / 1000) GROUP BY 1
         UNION ALL
         SELECT partition, min(source_offset) FROM millrace.dead_letters
         WHERE source = $2 AND known_time >= to_timestamp($1::double precision / 1000) GROUP BY 1) AS found
       GROUP BY partition`,
      [fromKnownTime, source.name],
    );
    await retireColdFiles(tx, source.name, fromKnownTime, firsts);
    for (const { partition, first } of firsts) {
      const earliest = kept.get(partition) ?? Number.POSITIVE_INFINITY;
      if (first < earliest) {
        throw new MillraceError(
          'STREAM_GAP',
          `Source '${source.name}', partition ${partition}, can't be read again from offset ${first}: Kafka's oldest is ${earliest}. Choose a later time, or rebuild the views with 'millrace materialize', which needs no Kafka.`,
        );
      }
      const at = [source.name, partition, first];
      const rows = await tx.query<{ offset: string }>(
        `DELETE FROM ${table} WHERE source_partition = $1 AND source_offset >= $2 RETURNING source_offset AS offset`,
        [partition, first],
      );
      // A change has two rows and is one message.
      const stored = new Set(rows.map(({ offset }) => offset)).size;
      const dead = await tx.query(
        'DELETE FROM millrace.dead_letters WHERE source = $1 AND partition = $2 AND source_offset >= $3 RETURNING 1',
        at,
      );
      await tx.query(
        `UPDATE millrace.ingest_positions
         SET duplicates = duplicates - (next_offset - $3 - $4 - $5), next_offset = $3, stored = stored - $4, dead_letters = dead_letters - $5
         WHERE source = $1 AND partition = $2`,
        [...at, stored, dead.length],
      );
    }
  });
}
