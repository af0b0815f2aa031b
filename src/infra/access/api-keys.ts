import { timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { API_KEY_NAME_PATTERN, roles, type ApiKeyEntry } from '../../contracts/access.ts';
import { MillraceError } from '../../core/millrace-error.ts';
import { digestOfKey } from '../api-key.ts';
import type { Caller } from './access-rule.ts';

/** A request is compared with every key. */
const API_KEYS_MAX = 200;

const entry = z.strictObject({
  name: z.string().regex(API_KEY_NAME_PATTERN, 'expected 1 to 100 letters, digits, dots, hyphens or underscores'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'expected the 64 lower-case hexadecimal digits of a SHA-256'),
  roles: z.array(z.enum(roles)).min(1),
});
const file = z.strictObject({ keys: z.array(entry).max(API_KEYS_MAX) });

/** The keys of a process, by their digests. */
export class ApiKeys {
  readonly #known: readonly { readonly digest: Buffer; readonly caller: Caller }[];

  constructor(entries: readonly ApiKeyEntry[]) {
    this.#known = entries.map(({ sha256, roles: granted }) => ({
      digest: Buffer.from(sha256, 'hex'),
      caller: { roles: new Set(granted) },
    }));
  }

  /** Takes the same time whichever key it is, or none. */
  find(key: string): Caller | undefined {
    const digest = digestOfKey(key);
    let found: Caller | undefined;
    for (const known of this.#known) {
      if (timingSafeEqual(known.digest, digest)) found = known.caller;
    }
    return found;
  }
}

/**
 * @param text of the file: `{ "keys": [ { "name", "sha256", "roles" } ] }`
 * @param where names the file in errors
 * @throws CONFIG_INVALID with all problems
 */
export function parseApiKeys(text: string, where: string): ApiKeys {
  const wrong = (problems: readonly string[]): MillraceError =>
    new MillraceError('CONFIG_INVALID', `API keys of ${where}: ${problems.join('; ')}. 'millrace keys create' prints a line for it.`);
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    // The parser's own words quote the text.
    throw wrong(['expected JSON']);
  }
  const parsed = file.safeParse(found);
  if (!parsed.success) throw wrong(parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'file'}: ${message}`));
  const { keys } = parsed.data;
  const problems = [
    ...repeated(keys.map(({ name }) => name)).map((at) => `keys.${at}.name: another key has it too`),
    ...repeated(keys.map(({ sha256 }) => sha256)).map((at) => `keys.${at}.sha256: another key has it too`),
  ];
  if (problems.length > 0) throw wrong(problems);
  return new ApiKeys(keys);
}

/** Indexes of the texts that came before. */
const repeated = (texts: readonly string[]): number[] => texts.flatMap((text, at) => (texts.indexOf(text) < at ? [at] : []));
