/** Environment variables as the caller read them: the stack itself never looks at the process's own. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The value of a variable, where an empty one counts as not set. */
export function environmentValue(environment: Environment, name: string): string | undefined {
  const value = environment[name]?.trim();
  return value === undefined || value === '' ? undefined : value;
}
