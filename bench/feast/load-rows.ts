import path from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Postgres } from '../../src/infra/postgres.ts';
import { advanceIngestPositions } from '../../src/store/ingest-positions.ts';
import { appendEvents, type LoggedEvent } from '../../src/store/offline-log.ts';
import { columnsOf, sources, VIEW_WIDTHS } from './feast-project.ts';

const TRANSACTION_ROWS = 20_000;

/** Puts the rows of the Parquet files into the offline log, known when they happened, as ingest would have: rows and position in one transaction. */
export async function loadRows(duckDb: DuckDBConnection, folder: string, postgres: Postgres): Promise<void> {
  for (const [i, [view]] of VIEW_WIDTHS.entries()) {
    const source = sources[i]!;
    const columns = columnsOf(view);
    const file = path.join(folder, `${view}.parquet`).replaceAll("'", "''");
    const result = await duckDb.stream(
      `SELECT id, customer, epoch_ms(event_timestamp)::DOUBLE AS at, ${columns.join(', ')} FROM '${file}' ORDER BY event_timestamp, id`,
    );
    const nextOffsets = new Array<number>(source.partitions).fill(0);
    let waiting: LoggedEvent[] = [];
    const flush = async (): Promise<void> => {
      const events = waiting;
      waiting = [];
      if (events.length === 0) return;
      await postgres.transaction(async (tx) => {
        await advanceIngestPositions(
          tx,
          nextOffsets.map((nextOffset, partition) => {
            const own = events.filter((event) => event.sourcePartition === partition);
            return {
              source: source.name,
              partition,
              expectedOffset: nextOffset - own.length,
              nextOffset,
              stored: own.length,
              duplicates: 0,
              deadLetters: 0,
              beyondWindows: 0,
              newestKnownTime: own.at(-1)?.knownTime ?? null,
            };
          }),
        );
        await appendEvents(tx, source, events);
      });
    };
    let row = 0;
    for (;;) {
      const chunk = await result.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) break;
      for (const values of chunk.getRows()) {
        const partition = row++ % source.partitions;
        const at = values[2] as number;
        const fields = Object.fromEntries(columns.map((column, c) => [column, values[3 + c] as number]));
        waiting.push({
          sourcePartition: partition,
          sourceOffset: nextOffsets[partition]!++,
          eventTime: at,
          effectiveTime: at,
          knownTime: at,
          row: { id: values[0] as string, customer: values[1] as string, event_timestamp: at, ...fields },
        });
        if (waiting.length >= TRANSACTION_ROWS) await flush();
      }
    }
    await flush();
  }
}
