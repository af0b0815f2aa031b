import type { Row } from '../define/field.ts';
import type { Source } from '../define/source.ts';
import { parseChange } from './parse-change.ts';
import { parsePayload } from './parse-event.ts';

export type ParsedRows =
  | {
      readonly ok: true;
      /** By which a redelivery is known. */
      readonly deliveryId: string;
      /** Of an event its row; of a change the row that it takes back, the one that it adds, or both in this order. */
      readonly rows: readonly [Row, ...Row[]];
    }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Parses a message of a source into the rows of its log. */
export function parseRows(source: Source, payload: unknown): ParsedRows {
  if (source.changes === true) {
    const change = parseChange(source, payload);
    return change.ok ? { ok: true, deliveryId: change.id, rows: change.rows } : change;
  }
  const event = parsePayload(source, payload);
  return event.ok ? { ok: true, deliveryId: event.row[source.id] as string, rows: [event.row] } : event;
}
