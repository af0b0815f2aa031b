import type { Source } from '../define/source.ts';
import { parseRow, type ParsedRow } from './parse-row.ts';

/**
 * Parses an event's payload by the schema of its source: timestamps from ISO 8601 text with a zone or
 * from milliseconds; fields that the schema does not have are ignored. All problems at once.
 */
export function parsePayload(source: Source, payload: unknown): ParsedRow {
  return parseRow(source.schema, payload);
}
