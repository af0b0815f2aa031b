import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { z } from 'zod';
import { shorten } from '../../src/core/shorten.ts';
import { describe, TIME_MAGNITUDE_MAX_MS } from '../../src/fold/parse-row.ts';
import { TIMESTAMP_MS_MAX, TIMESTAMP_MS_MIN } from '../../src/store/copy-binary.ts';
import { Departure } from '../batcher/departure.ts';
import { readPriority, type Priority } from '../batcher/priority.ts';

/** A time in a body: whole ms since the epoch, or ISO 8601 text with a zone, whose years are 0 to 9999; parsed to ms. */
const timeWithin = (msMin: number, msMax: number) =>
  z.union([z.number().int().min(msMin).max(msMax), z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))], {
    error: ({ input }) => `expected whole ms since the epoch from ${msMin} to ${msMax}, or an instant such as '2026-01-31T12:00:00Z' with its zone, found ${describe(input)}`,
  });

/** A field of an instance, as its parser takes it. */
export const instant = timeWithin(-TIME_MAGNITUDE_MAX_MS, TIME_MAGNITUDE_MAX_MS);
/** What features are as of: a decision is stored with it. */
export const moment = timeWithin(TIMESTAMP_MS_MIN, TIMESTAMP_MS_MAX);

/** Parameters of one request or tensor: those of the protocol are a dozen. */
const PARAMETERS_MAX = 32;

/** A record of parameters. They are counted before any is looked at: what each costs is the caller's to choose. */
export const parametersOf = <Value extends z.ZodType>(value: Value) =>
  z
    .preprocess((found, context) => {
      const count = typeof found === 'object' && found !== null ? Object.keys(found).length : 0;
      if (count > PARAMETERS_MAX) context.addIssue(`expected at most ${PARAMETERS_MAX} parameters, found ${count}`);
      return found;
    }, z.record(z.string(), value))
    .optional();

/** Problems that one answer lists; the rest is counted. */
const PROBLEMS_MAX = 50;

/** What zod found wrong with a body. */
export function bodyProblems({ issues }: z.ZodError): string {
  const shown = issues.slice(0, PROBLEMS_MAX).map(({ path, message }) => shorten(`${shorten(path.join('.') || 'body')}: ${message}`, PROBLEM_LENGTH_MAX));
  if (issues.length > PROBLEMS_MAX) shown.push(`and ${issues.length - PROBLEMS_MAX} more`);
  return shown.join('; ');
}
const PROBLEM_LENGTH_MAX = 400;

/** The header `X-Request-Timeout` in ms; undefined where it is absent or, with a problem added, wrong. */
export function readTimeout(header: string | string[] | undefined, timeoutMsMax: number, problems: string[]): number | undefined {
  if (header === undefined) return undefined;
  const timeoutMs = Number(header);
  if (timeoutMs > 0 && timeoutMs <= timeoutMsMax) return timeoutMs;
  problems.push(`header X-Request-Timeout: expected milliseconds above 0 and up to ${timeoutMsMax}, found '${String(header)}'`);
  return undefined;
}

/** What the headers of a request say of how it is to be run. */
export interface RunHeaders {
  readonly timeoutMs: number | undefined;
  readonly priority: Priority | undefined;
}

/** `X-Request-Timeout` and `X-Request-Priority`; what is wrong is added to the problems. */
export function readRunHeaders(headers: IncomingHttpHeaders, timeoutMsMax: number, problems: string[]): RunHeaders {
  return {
    timeoutMs: readTimeout(headers['x-request-timeout'], timeoutMsMax, problems),
    priority: readPriority('header X-Request-Priority', headers['x-request-priority'], problems),
  };
}

/** When the connection goes before the answer is written. */
export function departureOf(response: ServerResponse): Departure {
  const departure = new Departure();
  response.once('close', () => {
    if (!response.writableEnded) departure.leave();
  });
  return departure;
}
