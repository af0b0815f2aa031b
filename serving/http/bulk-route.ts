import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { answerStream } from '../bulk/answer-stream.ts';
import type { LineRequest, ScoreLinesOptions } from '../bulk/score-lines.ts';
import type { DataPlane } from '../data-plane.ts';
import { assertReady } from '../served-model.ts';
import type { ServingSettings } from '../settings.ts';
import { bodyProblems, moment, readRunHeaders } from './request-options.ts';
import { createSpared } from './spare-long-requests.ts';

export const NDJSON_TYPE = 'application/x-ndjson';
/** What the sender of a body that is not read to its end gets to notice the last answers. */
const CLOSE_GRACE_MS = 1_000;

/** One line of a body. */
export const bulkLine = z.strictObject({ instance: z.unknown(), asOf: moment.optional() });

interface BulkRequest {
  Params: { readonly model: string };
  Body: Readable | undefined;
}

/** Predictions as NDJSON: a room of its own, since it takes bodies as they come in. */
export function addBulkRoute(app: FastifyInstance, dataPlane: DataPlane, settings: ServingSettings): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(NDJSON_TYPE, (_request, body, done) => {
    done(null, body);
  });
  const spare = createSpared(app);
  let underWay = 0;
  app.post<BulkRequest>('/v1/models/:model/predict/bulk', (request, reply) => {
    if (underWay >= settings.bulkRequestsMax) {
      const what = `Bulk prediction was refused: ${underWay} are under way, as many as may be. Try again when one is done.`;
      throw new MillraceError('SERVING_OVERLOADED', what, { details: { retryAfterSeconds: 1 } });
    }
    const problems: string[] = [];
    const { timeoutMs = settings.timeoutMs, priority } = readRunHeaders(request.headers, settings.timeoutMsMax, problems);
    // A request without a body is not parsed, whatever it says of its type.
    if (request.body === undefined) problems.push(`body: expected lines of ${NDJSON_TYPE}, found none`);
    if (problems.length > 0) throw new MillraceError('REQUEST_INVALID', `Bulk prediction is wrong: ${problems.join('; ')}.`);
    assertReady(dataPlane.model(request.params.model));
    underWay++;
    spare(request.raw.socket);
    reply.raw.once('close', () => {
      underWay--;
    });
    return answer(request, reply, dataPlane, settings, { timeoutMs, priority });
  });
}

function answer(request: FastifyRequest<BulkRequest>, reply: FastifyReply, dataPlane: DataPlane, settings: ServingSettings, run: Pick<ScoreLinesOptions, 'timeoutMs' | 'priority'>): FastifyReply {
  const { model } = request.params;
  const stopped = new AbortController();
  const answers: Readable = Readable.from(
    answerStream(request.body as Readable, {
      predict: (instances, options) => dataPlane.predict(model, instances, options),
      parse: parseLine,
      lineBytesMax: settings.bulkLineBytesMax,
      linesMax: settings.bulkLinesMax,
      idleMs: settings.bulkIdleMs,
      ...run,
      signal: stopped.signal,
      isRetiring: () => dataPlane.retiring,
      abort: (reason) => answers.destroy(reason),
    }),
    // One text waits for the reader, which is the bound of lines in hand and no more.
    { highWaterMark: 1 },
  );
  reply.raw.once('close', () => stopped.abort());
  reply.raw.once('finish', () => {
    if (request.raw.complete) return;
    setTimeout(() => request.raw.destroy(), CLOSE_GRACE_MS).unref();
  });
  return reply.type(NDJSON_TYPE).send(answers);
}

/** @throws REQUEST_INVALID */
function parseLine(text: string): LineRequest {
  const wrong = (why: string): MillraceError => new MillraceError('REQUEST_INVALID', `Line is wrong: ${why}. Send { "instance": { "<field>": <value> } } on one line.`);
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch (error) {
    throw wrong((error as SyntaxError).message);
  }
  const parsed = bulkLine.safeParse(found);
  if (!parsed.success) throw wrong(bodyProblems(parsed.error));
  return parsed.data;
}
