import { parseDuration } from '../core/duration.ts';
import type { Source } from '../define/source.ts';
import { quoteIdentifier, type Queryable } from '../infra/postgres.ts';
import { logTable } from '../store/log-table.ts';
import type { ParsedEvent } from './parse-message.ts';

/**
 * Offsets of the events whose id an accepted event of a smaller offset has, known within the source's
 * dedupe window before or after. What is accepted depends on the messages before it and on nothing else, so
 * a redelivery of the same offsets always gives the same answer, however it is cut into batches. A
 * topic is partitioned by event id, so all of an id's deliveries are in one source partition.
 */
export async function findDuplicates(
  db: Queryable,
  source: Source,
  events: readonly ParsedEvent[],
): Promise<Set<number>> {
  const first = events[0];
  if (first === undefined) return new Set();
  const windowMs = parseDuration(source.dedupeWindow) ?? 0;
  const accepted = await acceptedBefore(db, source, first, events);
  const duplicates = new Set<number>();
  for (const event of events) {
    const times = accepted.get(event.id);
    if (times?.some((known) => Math.abs(known - event.knownTime) <= windowMs) === true)
      duplicates.add(event.sourceOffset);
    else if (times === undefined) accepted.set(event.id, [event.knownTime]);
    else times.push(event.knownTime);
  }
  return duplicates;
}

/** Known times of the accepted events with one of these ids, at offsets before the batch. */
async function acceptedBefore(
  db: Queryable,
  source: Source,
  first: ParsedEvent,
  events: readonly ParsedEvent[],
): Promise<Map<string, number[]>> {
  const id = quoteIdentifier(source.id);
  const rows = await db.queryArrays(
    `SELECT ${id}, (extract(epoch FROM known_time) * 1000)::float8 FROM ${logTable(source.name)}
     WHERE ${id} = ANY($1::text[]) AND source_partition = $2 AND source_offset < $3`,
    [events.map((event) => event.id), first.sourcePartition, first.sourceOffset],
  );
  const accepted = new Map<string, number[]>();
  for (const [found, known] of rows as [string, number][]) {
    const times = accepted.get(found);
    if (times === undefined) accepted.set(found, [known]);
    else times.push(known);
  }
  return accepted;
}
