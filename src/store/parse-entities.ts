import { MillraceError } from '../core/millrace-error.ts';
import { shorten } from '../core/shorten.ts';
import { enumerate } from '../define/checks/problem-list.ts';
import type { Row } from '../define/field.ts';
import { parseRow } from '../fold/parse-row.ts';
import type { OnlineReadPlan } from './online-catalog.ts';

/** Problems that one answer lists; the rest is counted. */
const PROBLEMS_MAX = 50;

/**
 * Checks every entity and reports all problems together. A field that is missing counts as null; one that
 * nobody asks for is a mistake: a misspelt key would read as no key.
 * @throws MillraceError REQUEST_INVALID naming the entity's index, the field, expected and found
 */
export function parseEntities({ schema }: OnlineReadPlan, entities: readonly unknown[]): Row[] {
  const rows: Row[] = [];
  const problems: string[] = [];
  let count = 0;
  const add = (i: number, text: string): void => {
    if (++count <= PROBLEMS_MAX) problems.push(`entities[${i}]: ${text}`);
  };
  entities.forEach((entity, i) => {
    const parsed = parseRow(schema, entity);
    if (parsed.ok) rows.push(parsed.row);
    else for (const text of parsed.problems) add(i, text);
    if (typeof entity !== 'object' || entity === null) return;
    for (const name in entity)
      if (!Object.hasOwn(schema, name))
        add(i, `field '${shorten(name)}': nothing that is read asks for it`);
  });
  if (count === 0) return rows;
  const more = count > PROBLEMS_MAX ? `; and ${count - PROBLEMS_MAX} more` : '';
  throw new MillraceError(
    'REQUEST_INVALID',
    `Online read is wrong: ${problems.join('; ')}${more}. Its fields are ${enumerate(Object.keys(schema))}.`,
  );
}
