import { readFile } from 'node:fs/promises';
import type { Logger } from '../logger.ts';
import { AccessControl, type AccessControlOptions } from './access-control.ts';
import type { AccessSettings } from './access-settings.ts';
import { parseApiKeys, type ApiKeys } from './api-keys.ts';
import { openCertificates, type Certificates } from './certificates.ts';
import { FollowedFiles } from './followed-files.ts';
import { openIssuerKeys } from './issuer-keys.ts';
import { TokenVerifier } from './token-verifier.ts';

export interface OpenedAccess {
  readonly control: AccessControl;
  /** Absent where the process speaks plain text. */
  readonly certificates: Certificates | undefined;
  close(): Promise<void>;
}

/**
 * The access control that the settings ask for: keys, tokens, both, or none, which leaves the process open; and its certificates.
 * @throws CONFIG_INVALID
 */
export async function openAccess(
  settings: AccessSettings,
  { names, refusals, logger }: Pick<AccessControlOptions, 'names' | 'refusals' | 'logger'>,
): Promise<OpenedAccess> {
  const keys = settings.apiKeysFile === undefined ? undefined : await followKeys(settings.apiKeysFile, logger);
  const tokens = await openTokens(settings, logger);
  const tls = await openCertificates(settings, logger);
  return {
    control: new AccessControl({
      names,
      refusals,
      logger,
      ...(keys === undefined ? {} : { keys: keys.current }),
      ...(tokens === undefined ? {} : { tokens: tokens.verifier }),
    }),
    certificates: tls?.certificates,
    async close() {
      await Promise.all([keys?.close(), tokens?.close(), tls?.close()]);
    },
  };
}

async function followKeys(path: string, logger: Logger): Promise<{ readonly current: () => ApiKeys; close(): Promise<void> }> {
  let current: ApiKeys | undefined;
  const take = async (): Promise<void> => {
    current = parseApiKeys(await readFile(path, 'utf8'), path);
  };
  const files = await FollowedFiles.open({ what: 'API keys', paths: [path], take, logger });
  return { current: () => current!, close: () => files.close() };
}

async function openTokens(settings: AccessSettings, logger: Logger): Promise<{ verifier: TokenVerifier; close(): Promise<void> } | undefined> {
  const { jwtIssuer: issuer, jwtAudience: audience, jwtJwks: jwks } = settings;
  if (issuer === undefined || audience === undefined || jwks === undefined) return undefined;
  const keys = await openIssuerKeys({ jwks, timeoutMs: settings.jwtJwksTimeoutMs, keepMs: settings.jwtJwksKeepMs, logger });
  const { jwtRolesClaim: rolesClaim, jwtClockToleranceMs: clockToleranceMs } = settings;
  const verifier = new TokenVerifier({ issuer, audience, rolesClaim, clockToleranceMs, keys: keys.keyOf });
  return { verifier, close: () => keys.close() };
}
