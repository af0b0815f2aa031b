import type { MillraceError } from '../../core/millrace-error.ts';

/** RFC 6750. */
const CHALLENGE = 'Bearer realm="millrace"';

/** The header that a refusal of who calls goes with over HTTP; of other errors none. */
export function challengeOf({ code, details: { wasSent } }: MillraceError): { readonly 'www-authenticate'?: string } {
  if (code !== 'ACCESS_UNAUTHENTICATED') return {};
  return { 'www-authenticate': wasSent === true ? `${CHALLENGE}, error="invalid_token"` : CHALLENGE };
}
