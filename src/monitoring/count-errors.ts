/** Failed answers by serving process, each counted since the process started. */
export type ErrorsByProcess = Readonly<Record<string, number>>;

/** The highest count that any look saw of each process: one that has ended since, or is silent, keeps its own. */
export function mostErrors(earlier: ErrorsByProcess, now: ErrorsByProcess): ErrorsByProcess {
  const most = { ...earlier };
  for (const [process, count] of Object.entries(now)) most[process] = Math.max(most[process] ?? 0, count);
  return most;
}

/** Failed answers since the step began, those of processes that have ended since included. */
export function errorsSince(before: ErrorsByProcess | number, most: ErrorsByProcess): number {
  // Of a step that an earlier release began, the sum alone is known.
  if (typeof before === 'number') return Math.max(0, sumOf(most) - before);
  return Object.entries(most).reduce((sum, [process, count]) => sum + Math.max(0, count - (before[process] ?? 0)), 0);
}

export const sumOf = (errors: ErrorsByProcess): number => Object.values(errors).reduce((sum, count) => sum + count, 0);
