import { createHash, randomBytes } from 'node:crypto';
import { API_KEY_NAME_PATTERN, type ApiKeyEntry, type Role } from '../contracts/access.ts';
import { MillraceError } from '../core/millrace-error.ts';

const KEY_BYTES = 32;
const KEY_PREFIX = 'mr_';

/** What a file of keys has of a key. A key is 256 random bits, so a slow hash would protect nothing more. */
export const digestOfKey = (key: string): Buffer => createHash('sha256').update(key).digest();

/** Makes a key of 256 random bits. @throws REQUEST_INVALID for a wrong name */
export function createApiKey(name: string, roles: readonly Role[]): { readonly key: string; readonly entry: ApiKeyEntry } {
  if (!API_KEY_NAME_PATTERN.test(name)) {
    throw new MillraceError(
      'REQUEST_INVALID',
      `API key '${name}': its name should be 1 to 100 letters, digits, dots, hyphens or underscores. Choose another one.`,
    );
  }
  const key = KEY_PREFIX + randomBytes(KEY_BYTES).toString('base64url');
  return { key, entry: { name, sha256: digestOfKey(key).toString('hex'), roles } };
}
