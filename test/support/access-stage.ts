import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose';
import type { ApiKeyEntry, Role } from '../../src/contracts/access.ts';
import { AccessControl, type AccessControlOptions } from '../../src/infra/access/access-control.ts';
import { countAccessRefusals } from '../../src/infra/access/access-refusals.ts';
import { accessSettingNames } from '../../src/infra/access/access-settings.ts';
import { createApiKey } from '../../src/infra/api-key.ts';
import { createLogger } from '../../src/infra/logger.ts';
import { Registry } from '../../src/infra/metrics.ts';

export const ISSUER = 'https://issuer.example';
export const AUDIENCE = 'millrace';

/** Access control of its own metrics; off, unless keys or tokens are given. */
export const openControl = (over: Partial<AccessControlOptions> = {}): AccessControl =>
  new AccessControl({ names: accessSettingNames('SERVING'), refusals: countAccessRefusals(new Registry()), logger: createLogger('test', 'silent'), ...over });

/** A directory of the test's own for files of keys. */
export function createAccessFiles() {
  const directory = mkdtempSync(path.join(tmpdir(), 'millrace-access-'));
  return {
    directory,
    /** As careful programs write a file: all at once. Answers its path. */
    write(name: string, content: unknown): string {
      const file = path.join(directory, name);
      writeFileSync(`${file}.new`, typeof content === 'string' ? content : JSON.stringify(content));
      renameSync(`${file}.new`, file);
      return file;
    },
    remove: () => rmSync(directory, { recursive: true }),
  };
}

/** A key for each role, and the lines of the file. */
export function createRoleKeys<R extends Role>(...roles: readonly R[]) {
  const made = roles.map((role) => [role, createApiKey(`key-of-${role}`, [role])] as const);
  const keys = Object.fromEntries(made.map(([role, { key }]) => [role, key])) as Record<R, string>;
  return { keys, entries: made.map(([, { entry }]): ApiKeyEntry => entry) };
}

/** An issuer of tokens: its key set, and a signer by a key that it publishes. */
export async function createIssuer(algorithm = 'ES256', kid = 'k1') {
  const { privateKey, publicKey } = await generateKeyPair(algorithm);
  return {
    jwks: { keys: [{ ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' }] },
    sign(claims: JWTPayload, expiresAt: number | string = '5m'): Promise<string> {
      const token = new SignJWT({ iss: ISSUER, aud: AUDIENCE, ...claims }).setProtectedHeader({ alg: algorithm, kid });
      return token.setExpirationTime(expiresAt).sign(privateKey);
    },
  };
}
