import type { z } from 'zod';
import { MillraceError } from '../core/millrace-error.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A wrong address is shown, and a password in it is not. */
const withoutCredentials = (text: string): string => text.replace(/:\/\/.*@/, '://...@');

/**
 * Reads the settings of one process: `names` maps a setting to its environment variable. All problems
 * are reported together, each by the variable's name.
 * @throws MillraceError CONFIG_INVALID
 */
export function readSettings<S extends z.ZodRawShape>(
  schema: z.ZodObject<S>,
  names: { readonly [K in keyof S & string]: string },
  environment: Environment,
): Readonly<z.output<z.ZodObject<S>>> {
  const raw: Record<string, string> = {};
  for (const [setting, variable] of Object.entries<string>(names)) {
    const value = environment[variable];
    if (value !== undefined && value !== '') raw[setting] = value;
  }
  const parsed = schema.safeParse(raw);
  if (parsed.success) return Object.freeze(parsed.data);
  const problems = parsed.error.issues.map((issue) => {
    const setting = String(issue.path[0]);
    const variable = (names as Readonly<Record<string, string>>)[setting] ?? setting;
    const found = raw[setting] === undefined ? 'it is not set' : `found '${withoutCredentials(raw[setting])}'`;
    return `${variable}: ${issue.message} (${found})`;
  });
  throw new MillraceError('CONFIG_INVALID', `Settings are wrong. Set these in the environment: ${problems.join('; ')}.`);
}
