import { describe } from '../../src/fold/parse-row.ts';

/** Levels of priority, the highest first. A request that says nothing is `normal`. */
export const priorities = ['high', 'normal', 'low'] as const;
export type Priority = (typeof priorities)[number];

/**
 * Rows that each level gets of a round while all of them have rows waiting: of 21 rows one is `low`. What a level does not
 * use goes to the others.
 */
export const priorityWeights: Readonly<Record<Priority, number>> = { high: 16, normal: 4, low: 1 };

const weightsTotal = priorities.reduce((sum, priority) => sum + priorityWeights[priority], 0);

/** A level's part of what all levels share, 0..1. */
export const priorityShare = (priority: Priority): number => priorityWeights[priority] / weightsTotal;

/** Of the protocol's numbers: 0 is the default, 1 the highest. */
const numbered: readonly Priority[] = ['normal', 'high', 'normal', 'low'];

/**
 * A level by its name or by the number that Triton's clients send, as a number or as text; undefined where it is absent or,
 * with a problem added, wrong.
 * @param what where it stood, for the problem
 */
export function readPriority(what: string, found: unknown, problems: string[]): Priority | undefined {
  if (found === undefined) return undefined;
  const isNumber = typeof found === 'number' || (typeof found === 'string' && found.trim() !== '');
  const priority = priorities.find((name) => name === found) ?? (isNumber ? numbered[Number(found)] : undefined);
  if (priority === undefined) problems.push(`${what}: expected ${priorities.join(', ')} or 0 to ${numbered.length - 1}, found ${describe(found)}`);
  return priority;
}
