import { parseDuration } from '../../../src/core/duration.ts';
import type { Row } from '../../../src/define/field.ts';
import { deliveryIdField, type Source } from '../../../src/define/source.ts';
import type { LoggedEvent } from '../../../src/store/offline-log.ts';
import {
  createMessageParser,
  KNOWN_TIME_HEADER,
  parseMessage,
  type ParsedEvent,
} from '../../../src/stream/parse-message.ts';
import { RecentIds } from '../../../src/stream/recent-ids.ts';
import { durationMs } from '../naive/naive-window.ts';
import type { Delivery, Payload } from './delivery.ts';

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
      timestamp: knownTime,
      headers: { [KNOWN_TIME_HEADER]: String(knownTime) },
    };
    const parsed = parseMessage(parser, sourcePartition, message);
    if ('refusal' in parsed) throw new Error(parsed.refusal.message);
    const { id } = parsed.event;
    const answer = own.recent.has(id, knownTime);
    const isKnown = (): boolean =>
      own.accepted.some(
        (one) => one.row[deliveryIdField(source)] === id && Math.abs(one.knownTime - knownTime) <= windowMs,
      );
    if (answer === 'duplicate' || (answer === 'ask' && isKnown())) return [];
    own.recent.add([parsed.event]);
    const events = loggedOf(parsed.event);
    own.accepted.push(...events);
    return events;
  });
}

/** Of an update both rows: what it takes back, then what it adds. */
function loggedOf({ id: _, replaced, ...event }: ParsedEvent): LoggedEvent[] {
  return [...(replaced === undefined ? [] : loggedOf(replaced)), event];
}

/** The same by its definition: of deliveries of one id within the dedupe window of an accepted one only that counts. */
export function logNaively(source: Source, deliveries: readonly Delivery[]): LoggedEvent[] {
  const accepted: Delivery[] = [];
  return deliveries.flatMap((delivery, i) => {
    const { sourcePartition, knownTime, payload } = delivery;
    const isAgain = accepted.some(
      (one) =>
        one.sourcePartition === sourcePartition &&
        one.payload['id'] === payload['id'] &&
        Math.abs(one.knownTime - knownTime) <= durationMs(source.dedupeWindow),
    );
    if (isAgain) return [];
    accepted.push(delivery);
    const sourceOffset = deliveries
      .slice(0, i)
      .filter((one) => one.sourcePartition === sourcePartition).length;
    return rowsNaively(source, payload).map((row) => {
      const eventTime = row['at'] as number;
      return {
        sourcePartition,
        sourceOffset,
        eventTime,
        effectiveTime: Math.min(eventTime, knownTime),
        knownTime,
        // JSON has no -0.
        row: Object.fromEntries(
          Object.entries(row).map(([name, value]) => [name, value === 0 ? 0 : value]),
        ) as Row,
      };
    });
  });
}

/** An event; of a change the rows that it has, with what becomes of them. */
function rowsNaively({ changes }: Source, payload: Payload): Payload[] {
  if (changes !== true) return [payload];
  const { id, before, after } = payload as Readonly<Record<'before' | 'after', Payload | null>> & Payload;
  return [
    ...(before === null ? [] : [{ ...before, change_id: id, change_sign: -1 }]),
    ...(after === null ? [] : [{ ...after, change_id: id, change_sign: 1 }]),
  ];
}
