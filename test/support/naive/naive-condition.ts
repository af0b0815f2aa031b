import type { Condition } from '../../../src/define/condition.ts';

type Values = Readonly<Record<string, unknown>>;

/** Every named field must pass; a comparison with null never does. */
export function passesCondition(condition: Condition | undefined, row: Values): boolean {
  return Object.entries(condition ?? {}).every(([field, test]) => passesTest(test, row[field] ?? null));
}

function passesTest(test: unknown, value: unknown): boolean {
  if (test === undefined) return true;
  if (typeof test !== 'object' || test === null) return value !== null && value === test;
  return Object.entries(test).every(([operator, operand]) => passesComparison(operator, operand, value));
}

function passesComparison(operator: string, operand: unknown, value: unknown): boolean {
  if (operand === undefined) return true;
  if (operator === 'isNull') return (value === null) === operand;
  if (value === null) return false;
  const [left, right] = [value as number, operand as number];
  // prettier-ignore
  switch (operator) {
    case 'eq': return left === right;
    case 'ne': return left !== right;
    case 'lt': return left < right;
    case 'lte': return left <= right;
    case 'gt': return left > right;
    case 'gte': return left >= right;
    case 'in': return (operand as readonly unknown[]).includes(value);
    case 'notIn': return !(operand as readonly unknown[]).includes(value);
    default: throw new Error(`Condition has an unknown operator '${operator}'`);
  }
}
