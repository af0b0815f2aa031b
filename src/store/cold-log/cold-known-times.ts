import type { Source } from '../../define/source.ts';
import type { Queryable } from '../../infra/postgres.ts';
import { quoteIdentifier as quote } from '../../infra/postgres.ts';
import { mayHold } from './cold-rows-sql.ts';
import { textSql } from './cold-columns.ts';
import { prunedFiles } from './cold-files.ts';
import { coldLogFor, readable } from './scan-cold-and-hot.ts';

/**
 * Ids and known times of those rows of a source partition that only files have and that carry the id of one of these
 * events. Files are asked only where their times come within the window of an event's: a replay of history, for what is
 * new lies days after every one of them.
 */
export async function coldKnownTimes(
  db: Queryable,
  source: Source,
  partition: number,
  events: readonly { readonly id: string; readonly knownTime: number }[],
  windowMs: number,
): Promise<[string, number][]> {
  const earliest = events.reduce((ms, { knownTime }) => Math.min(ms, knownTime), Infinity);
  const latest = events.reduce((ms, { knownTime }) => Math.max(ms, knownTime), -Infinity);
  const bounds = { knownAfter: earliest - windowMs - 1, knownTo: latest + windowMs, sourcePartition: partition };
  const files = (await prunedFiles(db, source.name)).filter((file) => mayHold(file, bounds));
  if (files.length === 0) return [];
  const coldLog = coldLogFor(db, source);
  const paths = (await readable(coldLog, files)).map(({ path }) => textSql(path)).join(', ');
  const ids = [...new Set(events.map(({ id }) => id))].map(textSql).join(', ');
  const id = quote(source.id);
  const rows = await coldLog.duckdb.session((session) =>
    session.rows(
      `SELECT ${id}, epoch_ms(known_time)::DOUBLE FROM read_parquet([${paths}])
       WHERE source_partition = ${Math.trunc(partition)} AND ${id} IN (${ids})`,
    ),
  );
  return rows as [string, number][];
}
