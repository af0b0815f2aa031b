import type { Condition } from '../condition.ts';
import { fieldIn, type FieldType, type Schema } from '../field.ts';
import { quoted } from './check-names.ts';
import { enumerate, type ProblemList } from './problem-list.ts';

/** Greatest number of values that an `in` or a `notIn` may list. */
const IN_VALUES_MAX = 1_000;

const equality: readonly string[] = ['eq', 'ne', 'in', 'notIn'];
const operatorsOf: Readonly<Record<FieldType, readonly string[]>> = {
  string: equality,
  boolean: equality,
  number: [...equality, 'lt', 'lte', 'gt', 'gte'],
  timestamp: [...equality, 'lt', 'lte', 'gt', 'gte'],
};
const valueTypeOf = { string: 'string', boolean: 'boolean', number: 'number', timestamp: 'number' } as const;

/** Fields, operators and values of a `where`. */
export function checkCondition(condition: Condition, schema: Schema, problems: ProblemList): void {
  const given: unknown = condition;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    problems.add(`expected 'where' as an object of fields and what they are compared with, found ${Array.isArray(given) ? 'a list' : quoted(given)}. Give one, or leave it out.`);
    return;
  }
  for (const [name, test] of Object.entries(given)) {
    const field = fieldIn(schema, name);
    if (field === undefined) {
      problems.add(
        `expected 'where' on a field of the source, found '${name}'. The source has ${enumerate(Object.keys(schema))}.`,
      );
      continue;
    }
    // A type that is none is a problem of the schema's.
    if (!Object.hasOwn(operatorsOf, field.type)) continue;
    if (typeof test === 'object' && test !== null) {
      checkComparisons(name, field.type, test as Readonly<Record<string, unknown>>, problems);
    } else if (test !== undefined) {
      checkValue(name, field.type, test, problems);
    }
  }
}

function checkComparisons(
  name: string,
  type: FieldType,
  comparisons: Readonly<Record<string, unknown>>,
  problems: ProblemList,
): void {
  const allowed = [...operatorsOf[type], 'isNull'];
  if (Object.keys(comparisons).length === 0) {
    problems.add(
      `expected 'where' on '${name}' to compare with something, found {}. Use one of ${enumerate(allowed)}.`,
    );
  }
  for (const [operator, operand] of Object.entries(comparisons)) {
    if (!allowed.includes(operator)) {
      problems.add(
        `expected 'where' on ${type} '${name}' to use one of ${enumerate(allowed)}, found ${quoted(operator)}. Use one of them.`,
      );
    } else if (operator === 'isNull') {
      if (typeof operand !== 'boolean') {
        problems.add(
          `expected 'isNull' on '${name}' to be true or false, found ${quoted(operand)}. Use one of them.`,
        );
      }
    } else if (operator === 'in' || operator === 'notIn') {
      checkList(operator, name, type, operand, problems);
    } else {
      checkValue(name, type, operand, problems);
    }
  }
}

function checkList(operator: 'in' | 'notIn', name: string, type: FieldType, operand: unknown, problems: ProblemList): void {
  if (!Array.isArray(operand) || operand.length === 0 || operand.length > IN_VALUES_MAX) {
    const found = Array.isArray(operand) ? `${operand.length} values` : quoted(operand);
    problems.add(
      `expected '${operator}' on '${name}' to list 1 to ${IN_VALUES_MAX} values, found ${found}. List them.`,
    );
    return;
  }
  for (const value of operand as readonly unknown[]) checkValue(name, type, value, problems);
}

function checkValue(name: string, type: FieldType, value: unknown, problems: ProblemList): void {
  const expected = valueTypeOf[type];
  if (typeof value === expected && (typeof value !== 'number' || Number.isFinite(value))) return;
  const unit = type === 'timestamp' ? ' of milliseconds since the epoch' : '';
  problems.add(
    `expected 'where' to compare ${type} '${name}' with a ${expected}${unit}, found ${quoted(value)}. Correct the value.`,
  );
}
