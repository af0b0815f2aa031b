import { readFile } from 'node:fs/promises';
import { createLocalJWKSet, createRemoteJWKSet, customFetch, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { messageOf, MillraceError } from '../../core/millrace-error.ts';
import type { Logger } from '../logger.ts';
import { FollowedFiles } from './followed-files.ts';

const JWKS_BYTES_MAX = 256 * 1_024;
/** A key that is not among those that were fetched is asked for this often at most. */
const REFETCH_MS = 30_000;
/** After a fetch that failed the issuer is left alone for so long. */
const FAILED_HOLD_MS = 1_000;
const OK = 200;

export interface IssuerKeysOptions {
  /** A URL, or the path of a file. */
  readonly jwks: string;
  /** Of one fetch. */
  readonly timeoutMs: number;
  /** Fetched keys are trusted for so long. */
  readonly keepMs: number;
  readonly logger: Logger;
}

export interface IssuerKeys {
  readonly keyOf: JWTVerifyGetKey;
  close(): Promise<void>;
}

export const isUrl = (jwks: string): boolean => /^https?:\/\//.test(jwks);

/**
 * The public keys of an issuer: of a file, which is followed, or of its URL, which is asked when the first token comes.
 * @throws CONFIG_INVALID where the file is wrong
 */
export async function openIssuerKeys({ jwks, timeoutMs, keepMs, logger }: IssuerKeysOptions): Promise<IssuerKeys> {
  if (isUrl(jwks)) {
    const keyOf = createRemoteJWKSet(new URL(jwks), {
      timeoutDuration: timeoutMs,
      cacheMaxAge: keepMs,
      cooldownDuration: REFETCH_MS,
      [customFetch]: boundedFetch(),
    });
    return { keyOf, close: () => Promise.resolve() };
  }
  let current: JWTVerifyGetKey | undefined;
  const take = async (): Promise<void> => {
    current = parseJwks(await readFile(jwks, 'utf8'), jwks);
  };
  const files = await FollowedFiles.open({ what: 'keys of the token issuer', paths: [jwks], take, logger });
  return { keyOf: (header, token) => current!(header, token), close: () => files.close() };
}

function parseJwks(text: string, file: string): JWTVerifyGetKey {
  const wrong = (why: string): MillraceError =>
    new MillraceError('CONFIG_INVALID', `The keys of the token issuer in ${file} are no JSON Web Key Set: ${why}. Save what the issuer publishes.`);
  if (text.length > JWKS_BYTES_MAX) throw wrong(`expected at most ${JWKS_BYTES_MAX} bytes, found ${text.length}`);
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    // The parser's own words quote the text, and somebody may have put a private key there.
    throw wrong('expected JSON');
  }
  try {
    return createLocalJWKSet(found as JSONWebKeySet);
  } catch (error) {
    throw wrong(messageOf(error));
  }
}

/** Takes no answer that is longer than a key set is, and gives an issuer that fails a rest. */
function boundedFetch(): typeof fetch {
  let failedAt = -Infinity;
  return async (url, options) => {
    if (performance.now() - failedAt < FAILED_HOLD_MS) throw new Error('it failed a moment ago');
    try {
      const answer = await fetch(url, options);
      if (answer.status !== OK) throw new Error(`it answered ${answer.status}`);
      return new Response(await bytesOf(answer), { status: OK });
    } catch (error) {
      failedAt = performance.now();
      throw error;
    }
  };
}

async function bytesOf(answer: Response): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of answer.body as unknown as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > JWKS_BYTES_MAX) throw new Error(`it answered more than ${JWKS_BYTES_MAX} bytes`);
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}
