import { promisify } from 'node:util';
import { createGunzip, createInflate, deflate, gzip } from 'node:zlib';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { MillraceError } from '../../src/core/millrace-error.ts';

const codings = {
  gzip: { unpack: createGunzip, pack: promisify(gzip) },
  deflate: { unpack: createInflate, pack: promisify(deflate) },
} as const;
type Coding = keyof typeof codings;

/** Answers shorter than this gain nothing. */
export const PACKED_BYTES_MIN = 1_024;

/**
 * Takes bodies that are packed by gzip or deflate; the limit on bodies holds for what they unpack to, which is never more
 * than that in memory.
 */
export function takePackedBodies(app: FastifyInstance): void {
  app.addHook('preParsing', (request, _reply, payload, done) => {
    const coding = request.headers['content-encoding'];
    if (coding === undefined || coding === 'identity') {
      done(null, payload);
      return;
    }
    if (!isCoding(coding)) {
      done(new MillraceError('REQUEST_INVALID', `header Content-Encoding: expected gzip or deflate, found '${coding}'. Send the body as it is.`));
      return;
    }
    // The length that was announced is that of the packed bytes.
    const unpacked = Object.assign(codings[coding].unpack(), { receivedEncodedLength: 0 });
    payload.on('data', (chunk: Buffer) => {
      unpacked.receivedEncodedLength += chunk.length;
    });
    payload.on('error', (error) => unpacked.destroy(error));
    unpacked.on('error', (error) => {
      Object.assign(error, { statusCode: 400 });
    });
    done(null, payload.pipe(unpacked));
  });
}

/** A coding with weight 0 is one that the client does not take (RFC 9110, section 12.5.3). */
const REFUSED = /^q=0(\.0*)?$/;

/** Packs an answer by the first coding that the client takes and we have; undefined where it stays as it is. */
export async function pack(bytes: Buffer, accepted: FastifyRequest['headers']['accept-encoding']): Promise<{ coding: Coding; bytes: Buffer } | undefined> {
  if (accepted === undefined || bytes.length < PACKED_BYTES_MIN) return undefined;
  const coding = String(accepted)
    .split(',')
    .map((one) => one.split(';').map((part) => part.trim()))
    .filter(([, weight]) => !REFUSED.test(weight ?? ''))
    .map(([name = '']) => name)
    .find(isCoding);
  return coding === undefined ? undefined : { coding, bytes: await codings[coding].pack(bytes) };
}

const isCoding = (text: string): text is Coding => Object.hasOwn(codings, text);
