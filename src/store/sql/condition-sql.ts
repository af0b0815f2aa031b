import { assertInvariant } from '../../core/assert-invariant.ts';
import type { Condition } from '../../define/condition.ts';
import { isStorable, numberLiteral, textLiteral } from './literals.ts';

type Scalar = string | number | boolean;

/** One comparison of a column that is double precision, text or boolean. Null never passes, not even `ne`. */
const comparisons: Readonly<Record<string, (column: string, operand: unknown) => string>> = {
  eq: (column, operand) => oneOf(column, [operand as Scalar]),
  ne: (column, operand) =>
    isLiteral(operand as Scalar) ? `${column} <> ${literal(operand as Scalar)}` : `${column} IS NOT NULL`,
  lt: (column, operand) => `${column} < ${literal(operand as Scalar)}`,
  lte: (column, operand) => `${column} <= ${literal(operand as Scalar)}`,
  gt: (column, operand) => `${column} > ${literal(operand as Scalar)}`,
  gte: (column, operand) => `${column} >= ${literal(operand as Scalar)}`,
  in: (column, operand) => oneOf(column, operand as readonly Scalar[]),
  notIn: (column, operand) => noneOf(column, operand as readonly Scalar[]),
  isNull: (column, operand) => `${column} IS ${operand === true ? '' : 'NOT '}NULL`,
};

/**
 * The tests of a condition, all of which must hold; none for one that every event passes.
 * @param columnOf the column that holds a field
 */
export function conditionSql(condition: Condition | undefined, columnOf: (field: string) => string): string[] {
  return Object.entries(condition ?? {}).flatMap(([field, test]) => {
    if (test === undefined) return [];
    const tests: Readonly<Record<string, unknown>> = typeof test === 'object' ? { ...test } : { eq: test };
    return Object.entries(tests)
      .filter(([, operand]) => operand !== undefined)
      .map(([operator, operand]) => {
        const write = comparisons[operator];
        assertInvariant(write !== undefined, `operator '${operator}' passed the project's checks`);
        return write(columnOf(field), operand);
      });
  });
}

function oneOf(column: string, operands: readonly Scalar[]): string {
  const values = operands.filter(isLiteral).map(literal);
  if (values.length === 0) return 'false';
  return values.length === 1 ? `${column} = ${values[0]}` : `${column} IN (${values.join(', ')})`;
}

function noneOf(column: string, operands: readonly Scalar[]): string {
  const values = operands.filter(isLiteral).map(literal);
  return values.length === 0 ? `${column} IS NOT NULL` : `${column} NOT IN (${values.join(', ')})`;
}

/** A text that no event can carry equals none. */
const isLiteral = (value: Scalar): boolean => typeof value !== 'string' || isStorable(value);

function literal(value: Scalar): string {
  if (typeof value === 'number') return numberLiteral(value);
  return typeof value === 'boolean' ? String(value) : textLiteral(value);
}
