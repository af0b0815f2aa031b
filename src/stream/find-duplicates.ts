import { parseDuration } from '../core/duration.ts';
import { deliveryIdField, type Source } from '../define/source.ts';
import { quoteIdentifier, type Queryable } from '../infra/postgres.ts';
import { coldKnownTimes } from '../store/cold-log/cold-known-times.ts';
import { logTable } from '../store/log-table.ts';
import type { ParsedEvent } from './parse-message.ts';
import { RecentIds } from './recent-ids.ts';

const dedupeWindowMs = (source: Source): number => parseDuration(source.dedupeWindow) ?? 0;

/**
 * Offsets of the events whose id an accepted event of a smaller offset has, known within the source's
 * dedupe window before or after. What is accepted depends on the messages before it and on nothing else, so
 * a redelivery of the same offsets always gives the same answer, however it is cut into batches. A
 * topic is partitioned by event id, so all of an id's deliveries are in one source partition.
 * @param recent answers most questions without the log
 */
export async function findDuplicates(
  db: Queryable,
  source: Source,
  events: readonly ParsedEvent[],
  recent: RecentIds,
): Promise<Set<number>> {
  const duplicates = new Set<number>();
  const unsure: ParsedEvent[] = [];
  for (const event of events) {
    const answer = recent.has(event.id, event.knownTime);
    if (answer === 'duplicate') duplicates.add(event.sourceOffset);
    else if (answer === 'ask') unsure.push(event);
  }
  const accepted = await acceptedBefore(db, source, unsure);
  const windowMs = dedupeWindowMs(source);
  for (const event of events) {
    if (duplicates.has(event.sourceOffset)) continue;
    const times = accepted.get(event.id);
    if (times?.some((known) => Math.abs(known - event.knownTime) <= windowMs) === true) {
      duplicates.add(event.sourceOffset);
    } else if (times === undefined) accepted.set(event.id, [event.knownTime]);
    else times.push(event.knownTime);
  }
  return duplicates;
}

/** Known times of the accepted events with the ids of these events, at offsets before them. */
async function acceptedBefore(
  db: Queryable,
  source: Source,
  events: readonly ParsedEvent[],
): Promise<Map<string, number[]>> {
  const accepted = new Map<string, number[]>();
  const first = events[0];
  if (first === undefined) return accepted;
  const id = quoteIdentifier(deliveryIdField(source));
  // Nothing at or beyond the batch is in the log. `+ 0` keeps the planner off the primary key, which would read the whole partition.
  const rows = await db.queryArrays(
    `SELECT ${id}, (extract(epoch FROM known_time) * 1000)::float8 FROM ${logTable(source.name)}
     WHERE ${id} = ANY($1::text[]) AND source_partition + 0 = $2 AND source_offset + 0 < $3`,
    [events.map((event) => event.id), first.sourcePartition, first.sourceOffset],
  );
  // After the table: what was pruned meanwhile is in one of the two, or in both.
  const cold = await coldKnownTimes(db, source, first.sourcePartition, events, dedupeWindowMs(source));
  for (const [found, known] of [...(rows as [string, number][]), ...cold]) {
    const times = accepted.get(found);
    if (times === undefined) accepted.set(found, [known]);
    else times.push(known);
  }
  return accepted;
}

/**
 * Reads the ids that a source partition accepted within its dedupe window. Where they are more than
 * `idsMax`, it begins with none and the log is asked until the window has passed.
 */
export async function readRecentIds(
  db: Queryable,
  source: Source,
  partition: number,
  idsMax: number,
): Promise<RecentIds> {
  const windowMs = dedupeWindowMs(source);
  const [position] = await db.query<{ newest: number | null }>(
    `SELECT (extract(epoch FROM newest_known_time) * 1000)::float8 AS newest
     FROM millrace.ingest_positions WHERE source = $1 AND partition = $2`,
    [source.name, partition],
  );
  const newest = position?.newest ?? null;
  if (newest === null) return new RecentIds(windowMs, -Infinity, idsMax);
  const from = newest - windowMs;
  const rows = (await db.queryArrays(
    `SELECT ${quoteIdentifier(deliveryIdField(source))}, (extract(epoch FROM known_time) * 1000)::float8
     FROM ${logTable(source.name)}
     WHERE known_time >= timestamptz 'epoch' + $1::float8 * interval '1 millisecond' AND source_partition + 0 = $2
     ORDER BY known_time LIMIT $3`,
    [from, partition, idsMax + 1],
  )) as [string, number][];
  if (rows.length > idsMax) return new RecentIds(windowMs, newest + 1, idsMax);
  const recent = new RecentIds(windowMs, from, idsMax);
  recent.add(rows.map(([id, knownTime]) => ({ id, knownTime })));
  return recent;
}
