import { messageOf, MillraceError } from '../../core/millrace-error.ts';
import type { Logger } from '../logger.ts';
import type { AccessRefusals } from './access-refusals.ts';
import type { AccessRule, Caller } from './access-rule.ts';
import type { AccessSettingNames } from './access-settings.ts';
import type { ApiKeys } from './api-keys.ts';
import type { TokenVerifier } from './token-verifier.ts';

/** Longer ones are refused unseen. */
const CREDENTIAL_LENGTH_MAX = 8_192;
const BEARER = /^Bearer +([^ ]+) *$/i;

export type Transport = 'http' | 'grpc';

export interface AccessRequest {
  readonly transport: Transport;
  /** Method and path, for the words of a refusal. */
  readonly what: string;
  readonly authorization: string | undefined;
  /** Goes before `authorization`, which a proxy may have put there. */
  readonly apiKey: string | undefined;
}

export interface AccessControlOptions {
  /** The keys as they are now; absent where none are configured. */
  readonly keys?: () => ApiKeys;
  readonly tokens?: TokenVerifier;
  readonly refusals: AccessRefusals;
  /** For the words of a refusal. */
  readonly names: Pick<AccessSettingNames, 'apiKeysFile' | 'jwtIssuer'>;
  readonly logger: Logger;
}

/** Why a request is refused: a label of the metric, so the list is closed. */
type Reason = keyof typeof codeOf;

const codeOf = {
  missing: 'ACCESS_UNAUTHENTICATED',
  key: 'ACCESS_UNAUTHENTICATED',
  token: 'ACCESS_UNAUTHENTICATED',
  issuer: 'ACCESS_ISSUER_UNAVAILABLE',
  role: 'ACCESS_DENIED',
  unguarded: 'ACCESS_DENIED',
} as const;

/** Says who may call what, the same for every transport. Without keys and tokens it is off. */
export class AccessControl {
  readonly #options: AccessControlOptions;
  /** Told once, not with every request. */
  #issuerAway = false;

  constructor(options: AccessControlOptions) {
    this.#options = options;
  }

  get on(): boolean {
    return this.#options.keys !== undefined || this.#options.tokens !== undefined;
  }

  /** Whether a rule is fulfilled by any request, so that none has to be looked at. */
  isOpen(rule: AccessRule): boolean {
    return rule === 'anybody' || (!this.on && !rule.refusedUnguarded);
  }

  /** @throws ACCESS_UNAUTHENTICATED, ACCESS_DENIED, ACCESS_ISSUER_UNAVAILABLE */
  async assertAllowed(rule: AccessRule, request: AccessRequest): Promise<void> {
    if (rule === 'anybody' || this.isOpen(rule)) return;
    const { what } = request;
    if (!this.on) {
      const { apiKeysFile, jwtIssuer } = this.#options.names;
      const how = `Set ${apiKeysFile} or ${jwtIssuer}.`;
      throw this.#refused('unguarded', request, `${what} is for operators, and this process has no access control to know them by. ${how}`);
    }
    const caller = await this.#callerOf(request);
    if (caller.roles.has('admin') || caller.roles.has(rule.role)) return;
    throw this.#refused('role', request, `${what} needs the role '${rule.role}', which the caller does not have. Use a key or a token that has it.`);
  }

  async #callerOf(request: AccessRequest): Promise<Caller> {
    const { keys, tokens } = this.#options;
    const { what, apiKey, authorization } = request;
    const bearer = BEARER.exec(authorization ?? '')?.[1];
    const credential = apiKey ?? bearer;
    if (credential === undefined) {
      throw this.#refused('missing', request, `${what} needs an API key or a token. Send 'Authorization: Bearer ...' or 'X-Api-Key: ...'.`);
    }
    const fits = credential.length <= CREDENTIAL_LENGTH_MAX;
    const byKey = fits ? keys?.().find(credential) : undefined;
    if (byKey !== undefined) return byKey;
    if (!fits || apiKey !== undefined || tokens === undefined || (keys !== undefined && !tokens.looksLikeOne(credential))) {
      throw this.#refused('key', request, `${what}: the key that was sent is not one of this process. Send one of its file of keys.`);
    }
    const verified = await tokens.verify(credential);
    if (!('unavailable' in verified)) this.#issuerAway = false;
    if ('caller' in verified) return verified.caller;
    if ('wrong' in verified) {
      throw this.#refused('token', request, `${what}: the token that was sent is not valid: ${verified.wrong}. Get a new one from its issuer.`);
    }
    if (!this.#issuerAway) this.#options.logger.error({ reason: messageOf(verified.unavailable) }, 'the keys of the token issuer can not be had');
    this.#issuerAway = true;
    throw this.#refused('issuer', request, `${what}: the keys of the token's issuer can not be had, so no token can be verified. Try again in a moment.`);
  }

  #refused(reason: Reason, { transport }: AccessRequest, message: string): MillraceError {
    this.#options.refusals.inc({ reason, transport });
    return new MillraceError(codeOf[reason], message, { details: { wasSent: reason !== 'missing' } });
  }
}
