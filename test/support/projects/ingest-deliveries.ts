import { parseDuration } from '../../../src/core/duration.ts';
import type { Row } from '../../../src/define/field.ts';
import type { Source } from '../../../src/define/source.ts';
import type { LoggedEvent } from '../../../src/store/offline-log.ts';
import { createMessageParser, KNOWN_TIME_HEADER, parseMessage } from '../../../src/stream/parse-message.ts';
import { RecentIds } from '../../../src/stream/recent-ids.ts';
import { durationMs } from '../naive/naive-window.ts';
import type { Delivery } from './delivery-arbitrary.ts';

/** Few, so that it forgets ids and must ask. */
const IDS_MAX = 16;

/** What ingest lets into the log: messages are parsed, and an id that was accepted of late is dropped. */
export function ingestDeliveries(source: Source, deliveries: readonly Delivery[]): LoggedEvent[] {
  const parser = createMessageParser(source);
  const windowMs = parseDuration(source.dedupeWindow) ?? 0;
  const partitions = new Map<number, { next: number; recent: RecentIds; accepted: LoggedEvent[] }>();
  return deliveries.flatMap(({ sourcePartition, knownTime, payload }) => {
    const own = partitions.get(sourcePartition) ?? {
      next: 0,
      recent: new RecentIds(windowMs, -Infinity, IDS_MAX),
      accepted: [],
    };
    partitions.set(sourcePartition, own);
    const message = {
      offset: own.next++,
      key: null,
      value: Buffer.from(JSON.stringify(payload)),
      timestamp: 0,
      headers: { [KNOWN_TIME_HEADER]: String(knownTime) },
    };
    const parsed = parseMessage(parser, sourcePartition, message);
    if ('refusal' in parsed) throw new Error(parsed.refusal.message);
    const { id, ...event } = parsed.event;
    const answer = own.recent.has(id, knownTime);
    const isKnown = (): boolean =>
      own.accepted.some(
        (one) => one.row[source.id] === id && Math.abs(one.knownTime - knownTime) <= windowMs,
      );
    if (answer === 'duplicate' || (answer === 'ask' && isKnown())) return [];
    own.recent.add([parsed.event]);
    own.accepted.push(event);
    return [event];
  });
}

/** The same by its definition: of deliveries of one id within the dedupe window of an accepted one only that counts. */
export function logNaively(source: Source, deliveries: readonly Delivery[]): LoggedEvent[] {
  const log: LoggedEvent[] = [];
  deliveries.forEach(({ sourcePartition, knownTime, payload }, i) => {
    const isAgain = log.some(
      (one) =>
        one.sourcePartition === sourcePartition &&
        one.row['id'] === payload['id'] &&
        Math.abs(one.knownTime - knownTime) <= durationMs(source.dedupeWindow),
    );
    if (isAgain) return;
    const eventTime = payload['at'] as number;
    log.push({
      sourcePartition,
      sourceOffset: deliveries.slice(0, i).filter((one) => one.sourcePartition === sourcePartition).length,
      eventTime,
      effectiveTime: Math.min(eventTime, knownTime),
      knownTime,
      // JSON has no -0.
      row: Object.fromEntries(
        Object.entries(payload).map(([name, value]) => [name, value === 0 ? 0 : value]),
      ) as Row,
    });
  });
  return log;
}
