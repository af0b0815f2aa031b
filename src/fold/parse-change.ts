import { CHANGE_ID, CHANGE_SIGN } from '../define/change-fields.ts';
import type { Row } from '../define/field.ts';
import type { Source } from '../define/source.ts';
import { describe, parseRow } from './parse-row.ts';

export type ParsedChange =
  /** Rows with their signs: what is taken back, then what is added. One or two. */
  | { readonly ok: true; readonly id: string; readonly rows: readonly [Row, ...Row[]] }
  | { readonly ok: false; readonly problems: string[] };

/** Which sides of a change each operation has: created, read by a snapshot, updated, deleted. */
const sidesOf: Readonly<Record<string, readonly ('before' | 'after')[]>> = {
  c: ['after'],
  r: ['after'],
  u: ['before', 'after'],
  d: ['before'],
};

/**
 * Parses a message of a changing source, `{ id, op, before, after }` as Debezium and its like write changes
 * (https://debezium.io/documentation/reference/stable/connectors/postgresql.html), with an id of its own by which a
 * redelivery is known. `before` is the whole earlier row: in Postgres, REPLICA IDENTITY FULL. What the operation does not
 * have (a `before` of an insert) is ignored, as are further fields. All problems at once.
 */
export function parseChange(source: Source, payload: unknown): ParsedChange {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) {
    return { ok: false, problems: [`expected a change { id, op, before, after }, found ${describe(payload)}`] };
  }
  const { id, op, ...given } = payload as Readonly<Record<string, unknown>>;
  const sides = typeof op === 'string' && Object.hasOwn(sidesOf, op) ? sidesOf[op] : undefined;
  const problems: string[] = [];
  if (typeof id !== 'string' || id === '')
    problems.push(`field 'id': expected the id of the change as a text, found ${describe(id)}`);
  if (sides === undefined) problems.push(`field 'op': expected 'c', 'r', 'u' or 'd', found ${describe(op)}`);
  const rows: Row[] = [];
  for (const side of sides ?? []) {
    const row = given[side];
    if (typeof row !== 'object' || row === null || Array.isArray(row)) {
      problems.push(`field '${side}': expected the whole row, since op is '${String(op)}', found ${describe(row)}`);
      continue;
    }
    const parsed = parseRow(source.schema, { ...row, [CHANGE_ID]: id, [CHANGE_SIGN]: side === 'after' ? 1 : -1 });
    if (parsed.ok) rows.push(parsed.row);
    else problems.push(...parsed.problems.filter((text) => !text.includes(`'${CHANGE_ID}'`)).map((text) => `${side}: ${text}`));
  }
  const [first, second] = rows;
  if (first !== undefined && second !== undefined && first[source.id] !== second[source.id]) {
    problems.push(
      `field '${source.id}': expected one row before and after, found ${describe(first[source.id])} and ${describe(second[source.id])}; send a delete and an insert`,
    );
  }
  return problems.length > 0 || first === undefined
    ? { ok: false, problems }
    : { ok: true, id: id as string, rows: [first, ...rows.slice(1)] };
}
