import type { JsonValue } from '../core/json.ts';
import type { Condition } from '../define/condition.ts';
import type { Row } from '../define/field.ts';

export type EventTest = (row: Row) => boolean;

type Scalar = string | number | boolean;
type Comparisons = Readonly<Record<string, Scalar | readonly Scalar[]>>;
type ValueTest = (value: Scalar | null) => boolean;

/**
 * A condition in its one normal form: a plain value is an `eq`, fields in alphabetical order. Null for
 * one that every event passes.
 */
export function normalCondition(condition: Condition | undefined): Record<string, Comparisons> | null {
  const normal: Record<string, Comparisons> = {};
  for (const field of Object.keys(condition ?? {}).sort()) {
    const test = condition?.[field] as Scalar | Comparisons | undefined;
    if (test !== undefined) normal[field] = typeof test === 'object' ? test : { eq: test };
  }
  return Object.keys(normal).length === 0 ? null : normal;
}

/** Every named field must pass every comparison; a comparison with null never passes. */
export function compileCondition(
  condition: Condition | undefined,
): { test: EventTest; normal: JsonValue } | null {
  const normal = normalCondition(condition);
  if (normal === null) return null;
  const tests: [string, ValueTest][] = Object.entries(normal).flatMap(([field, comparisons]) =>
    Object.entries(comparisons)
      .filter(([, operand]) => operand !== undefined)
      .map(([operator, operand]): [string, ValueTest] => [field, compileComparison(operator, operand)]),
  );
  const test: EventTest = (row) => {
    for (const [field, passes] of tests) if (!passes(row[field] ?? null)) return false;
    return true;
  };
  return { test, normal };
}

function compileComparison(operator: string, operand: Scalar | readonly Scalar[]): ValueTest {
  if (operator === 'isNull') return (value) => (value === null) === operand;
  if (operator === 'in' || operator === 'notIn') {
    const values = new Set(operand as readonly Scalar[]);
    const isListed = operator === 'in';
    return (value) => value !== null && values.has(value) === isListed;
  }
  const bound = operand as Scalar;
  switch (operator) {
    case 'eq':
      return (value) => value === bound;
    case 'ne':
      return (value) => value !== null && value !== bound;
    case 'lt':
      return (value) => value !== null && value < bound;
    case 'lte':
      return (value) => value !== null && value <= bound;
    case 'gt':
      return (value) => value !== null && value > bound;
    case 'gte':
      return (value) => value !== null && value >= bound;
    default:
      return () => false;
  }
}
