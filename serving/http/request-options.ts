import { z } from 'zod';
import { TIME_MAGNITUDE_MAX_MS } from '../../src/fold/parse-row.ts';

/** A moment in a body: whole ms since the epoch, or ISO 8601 text with a zone; parsed to ms. */
export const moment = z.union([
  z.number().int().min(-TIME_MAGNITUDE_MAX_MS).max(TIME_MAGNITUDE_MAX_MS),
  z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)),
]);

/** What zod found wrong with a body, one text a problem. */
export const bodyProblems = (error: z.ZodError): string[] =>
  error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`);

/** The header `X-Request-Timeout` in ms; undefined where it is absent or, with a problem added, wrong. */
export function readTimeout(header: string | string[] | undefined, timeoutMsMax: number, problems: string[]): number | undefined {
  if (header === undefined) return undefined;
  const timeoutMs = Number(header);
  if (timeoutMs > 0 && timeoutMs <= timeoutMsMax) return timeoutMs;
  problems.push(`header X-Request-Timeout: expected milliseconds above 0 and up to ${timeoutMsMax}, found '${String(header)}'`);
  return undefined;
}
