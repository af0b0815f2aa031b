import type { Postgres } from '../../infra/postgres.ts';
import type { ReadThreadStart } from './thread-messages.ts';
import type { EventReader } from './event-reader.ts';
import { parquetEvents } from './parquet-events.ts';
import { postgresEvents } from './postgres-events.ts';

/** Scanning a file and joining it takes the second of two threads at most: the fold takes the first. */
const DUCKDB_THREADS = 2;

/** The events of a run: the offline log, or the caller's files. */
export function openEvents(
  postgres: Postgres,
  { eventFiles, duckdbMemoryMb, spillTo }: Pick<ReadThreadStart, 'eventFiles' | 'duckdbMemoryMb' | 'spillTo'>,
): EventReader {
  if (eventFiles === null) return postgresEvents(postgres);
  return parquetEvents(eventFiles, { threads: DUCKDB_THREADS, memoryMb: duckdbMemoryMb, spillTo });
}
