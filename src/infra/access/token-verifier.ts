import { errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { roles, type Role } from '../../contracts/access.ts';
import type { Caller } from './access-rule.ts';

/** Signed by a private key: whoever can verify a token can't make one. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];
const MS_PER_SECOND = 1_000;
const PARTS = 3;

export interface TokenVerifierOptions {
  readonly issuer: string;
  readonly audience: string;
  /** Name of a claim, or a path of names with dots between. */
  readonly rolesClaim: string;
  readonly clockToleranceMs: number;
  /** Finds the issuer's public key that a token names. */
  readonly keys: JWTVerifyGetKey;
}

/** What is known of a token: who sent it, what is wrong with it, or that the issuer's keys could not be had. */
export type Verified = { readonly caller: Caller } | { readonly wrong: string } | { readonly unavailable: unknown };

/** Verifies JSON Web Tokens (RFC 7519) of one issuer for one audience: signature, times, and that they expire at all. */
export class TokenVerifier {
  readonly #options: TokenVerifierOptions;

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
  }

  looksLikeOne(text: string): boolean {
    return text.split('.').length === PARTS;
  }

  async verify(token: string): Promise<Verified> {
    const { issuer, audience, clockToleranceMs, keys, rolesClaim } = this.#options;
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: clockToleranceMs / MS_PER_SECOND,
        requiredClaims: ['exp'],
      });
      return { caller: { roles: rolesIn(payload, rolesClaim) } };
    } catch (error) {
      const wrong = whatIsWrong(error);
      return wrong === undefined ? { unavailable: error } : { wrong };
    }
  }
}

/** The words of the library may quote the token; undefined where it is not the token's fault. */
function whatIsWrong(error: unknown): string | undefined {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed) return `its claim '${error.claim}' is not what is expected (${error.reason})`;
  if (error instanceof errors.JOSEAlgNotAllowed) return `it is signed by an algorithm other than ${ALGORITHMS.join(', ')}`;
  if (error instanceof errors.JWKSNoMatchingKey) return 'it is signed by a key that its issuer does not publish';
  if (error instanceof errors.JWKSMultipleMatchingKeys) return 'its issuer publishes several keys, and it does not say which one signed it';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature is not the one of its issuer';
  const malformed = [errors.JWTInvalid, errors.JWSInvalid, errors.JOSENotSupported];
  return malformed.some((kind) => error instanceof kind) ? 'it is no signed JSON Web Token' : undefined;
}

/** Roles in a claim, a list or a text with spaces between, as of `scope`; what is no role of Millrace says nothing here. */
export function rolesIn(payload: JWTPayload, claim: string): ReadonlySet<Role> {
  const found = Object.hasOwn(payload, claim) ? payload[claim] : claim.split('.').reduce(memberOf, payload);
  const names: readonly unknown[] = typeof found === 'string' ? found.split(' ') : Array.isArray(found) ? found : [];
  return new Set(roles.filter((role) => names.includes(role)));
}

const memberOf = (holder: unknown, name: string): unknown =>
  typeof holder === 'object' && holder !== null && Object.hasOwn(holder, name) ? (holder as Readonly<Record<string, unknown>>)[name] : undefined;
