import { messageOf, MillraceError } from '../core/millrace-error.ts';

const JSON_TYPES = ['application/json', 'text/json'];
const NDJSON_TYPES = ['application/x-ndjson', 'application/ndjson', 'application/jsonl'];

/**
 * Events of a request's body: one JSON object, an array of them, or one a line (NDJSON).
 * @throws MillraceError REQUEST_INVALID, STREAM_EVENT_MALFORMED naming the line
 */
export function parseEventBody(
  contentType: string | undefined,
  body: string | undefined,
  eventsMax: number,
): unknown[] {
  const type = contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  const payloads = NDJSON_TYPES.includes(type) ? parseLines(body ?? '') : parseDocument(type, body ?? '');
  if (payloads.length === 0) throw invalid('it has no events, expected at least one');
  if (payloads.length > eventsMax)
    throw invalid(`it has ${payloads.length} events, at most ${eventsMax} are taken. Send several requests`);
  return payloads;
}

function parseDocument(type: string, body: string): unknown[] {
  if (!JSON_TYPES.includes(type)) {
    throw invalid(
      `its content type is '${type.slice(0, 60)}', expected ${JSON_TYPES[0]} or ${NDJSON_TYPES[0]}`,
    );
  }
  const value = parseJson(body, 'The body');
  return Array.isArray(value) ? value : [value];
}

function parseLines(body: string): unknown[] {
  return body
    .split('\n')
    .map((line, i) => ({ line: line.trim(), number: i + 1 }))
    .filter(({ line }) => line !== '')
    .map(({ line, number }) => parseJson(line, `Line ${number}`));
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new MillraceError(
      'STREAM_EVENT_MALFORMED',
      `${where} is not JSON: ${messageOf(cause)}. Nothing was accepted; expected an object, an array of objects, or one object a line.`,
      { cause },
    );
  }
}

const invalid = (text: string): MillraceError =>
  new MillraceError('REQUEST_INVALID', `The request can't be taken: ${text}.`);
