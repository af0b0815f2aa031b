import { shorten } from '../core/shorten.ts';
import type { Field, Row, Schema } from '../define/field.ts';

/** Keeps sums, squares of sums and every feature within float64 and float32. */
export const NUMBER_MAGNITUDE_MAX = 1e30;
/** Greatest distance from the epoch that a date can have, ms. */
export const TIME_MAGNITUDE_MAX_MS = 8.64e15;
export const TEXT_LENGTH_MAX = 8_192;
/** Of an id, which indexes hold: an entry of PostgreSQL's ends at about 2,700 bytes. */
export const EVENT_ID_LENGTH_MAX = 512;
const FOUND_LENGTH_MAX = 60;

export type ParsedRow =
  { readonly ok: true; readonly row: Row } | { readonly ok: false; readonly problems: string[] };

type FieldParser = (value: unknown) => string | number | boolean | undefined;

const expectations = {
  string: `a text of at most ${TEXT_LENGTH_MAX} characters without NUL or unit separator`,
  number: `a finite number of magnitude up to ${NUMBER_MAGNITUDE_MAX}`,
  boolean: 'true or false',
  timestamp:
    "an instant such as '2013-01-01T10:00:00Z', with its zone, or whole milliseconds since the epoch",
} as const;

const parsers: Readonly<Record<Field['type'], FieldParser>> = {
  string: parseText,
  // -0 becomes 0, as JSON writes it: what is stored of a row must be what was served.
  number: (value) =>
    typeof value === 'number' && Math.abs(value) <= NUMBER_MAGNITUDE_MAX ? value + 0 : undefined,
  boolean: (value) => (typeof value === 'boolean' ? value : undefined),
  timestamp: parseInstant,
};

/**
 * Parses the fields of a schema out of an object; other fields are ignored, a missing one is null. All
 * problems are found at once, each naming its field, what was expected and what was found. An object that is
 * its own row is returned as it is: nobody may change it afterwards.
 */
export function parseRow(schema: Schema, value: unknown): ParsedRow {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { ok: false, problems: [`expected an object of fields, found ${describe(value)}`] };
  }
  const given = value as Readonly<Record<string, unknown>>;
  if (isParsed(schema, given)) return { ok: true, row: given };
  const row: Record<string, string | number | boolean | null> = {};
  let problems: string[] | undefined;
  for (const name in schema) {
    const { type, nullable } = schema[name]!;
    const found = Object.hasOwn(given, name) ? given[name] : undefined;
    if (found === undefined || found === null) {
      row[name] = null;
      if (!nullable)
        (problems ??= []).push(`field '${name}': expected ${expectations[type]}, found ${describe(found)}`);
      continue;
    }
    const parsed = parsers[type](found);
    if (parsed === undefined) {
      (problems ??= []).push(`field '${name}': expected ${expectations[type]}, found ${describe(found)}`);
    } else {
      row[name] = parsed;
    }
  }
  return problems === undefined ? { ok: true, row } : { ok: false, problems };
}

/** Whether a plain object has exactly the fields of a schema, each as parsing would leave it. */
function isParsed(schema: Schema, given: Readonly<Record<string, unknown>>): given is Row {
  if (Object.getPrototypeOf(given) !== Object.prototype) return false;
  let fields = 0;
  for (const name in schema) {
    const { type, nullable } = schema[name]!;
    const found = given[name];
    fields++;
    if (found === null ? !nullable : found === undefined || parsers[type](found) !== found || Object.is(found, -0)) return false;
  }
  for (const _ in given) fields--;
  return fields === 0;
}

/** NUL is refused by Postgres, the unit separator joins entity keys, and a lone surrogate is no text in UTF-8. */
// eslint-disable-next-line no-control-regex -- these characters are what it looks for
const forbiddenCharacters = /[\u0000\u001f\ud800-\udfff]/u;

function parseText(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > TEXT_LENGTH_MAX || forbiddenCharacters.test(value))
    return undefined;
  return value;
}

/** Whether the log and the table of decisions, with their indexes, can hold a text as an id. */
export const isEventId = (text: string): boolean =>
  text.length > 0 && text.length <= EVENT_ID_LENGTH_MAX && !forbiddenCharacters.test(text);

const instantForm = /^(\d{4})-(\d\d)-(\d\d)T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/;

/** Ms since the epoch of an instant in either form; undefined where it is none. */
export function parseInstant(value: unknown): number | undefined {
  if (typeof value === 'number') {
    return Number.isInteger(value) && Math.abs(value) <= TIME_MAGNITUDE_MAX_MS ? value + 0 : undefined;
  }
  const parts = typeof value === 'string' ? instantForm.exec(value) : null;
  if (parts === null) return undefined;
  const time = Date.parse(value as string);
  // Date.parse takes February 30 for March 2.
  const lastDay = new Date(Date.UTC(Number(parts[1]), Number(parts[2]), 0)).getUTCDate();
  return Number.isNaN(time) || Number(parts[3]) > lastDay ? undefined : time;
}

/** What was found, short enough for a message and without its whole payload. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'string') return `text '${shorten(value, FOUND_LENGTH_MAX)}'`;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;
}
