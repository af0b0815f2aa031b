import type { Schema } from '../field.ts';
import type { ProblemList } from './problem-list.ts';

/** Names become parts of topics, tables, Redis keys and workflow ids. */
const definitionName = /^[a-z][a-z0-9_]{0,62}$/;
/** Names of fields and features become columns and properties. */
const fieldName = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;

export function checkDefinitionName(name: unknown, problems: ProblemList): void {
  if (typeof name === 'string' && definitionName.test(name)) return;
  problems.add(
    `expected a name of 1 to 63 lower-case letters, digits and underscores that begins with a letter, found ${quoted(name)}. Rename it.`,
  );
}

export function checkFieldName(what: string, name: unknown, problems: ProblemList): void {
  // As a property it would be an object's prototype.
  if (typeof name === 'string' && fieldName.test(name) && name !== '__proto__') return;
  problems.add(
    `expected a ${what} of 1 to 63 letters, digits and underscores that does not begin with a digit, found ${quoted(name)}. Rename it.`,
  );
}

const fieldTypes: ReadonlySet<unknown> = new Set(['string', 'number', 'boolean', 'timestamp']);

/** Names and types of a schema's fields. */
export function checkSchema(schema: Schema, problems: ProblemList): void {
  for (const [name, field] of Object.entries(schema)) {
    checkFieldName('field name', name, problems);
    if (!fieldTypes.has(field?.type)) {
      problems.add(
        `field '${name}': expected string(), number(), boolean() or timestamp(), found ${quoted(field?.type)}. Use one of them.`,
      );
    }
  }
}

export function checkWholeNumber(
  what: string,
  value: unknown,
  range: { readonly from: number; readonly to: number },
  problems: ProblemList,
): void {
  if (Number.isInteger(value) && (value as number) >= range.from && (value as number) <= range.to) return;
  problems.add(
    `expected ${what} as a whole number from ${range.from} to ${range.to}, found ${quoted(value)}. Set it within.`,
  );
}

export function quoted(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}
