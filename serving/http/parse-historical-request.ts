import { z } from 'zod';
import { MillraceError } from '../../src/core/millrace-error.ts';
import type { HistoricalFeaturesRequest } from '../features/historical-features.ts';
import { bodyProblems, moment, readTimeout } from './request-options.ts';
import { selectionOf } from './parse-online-request.ts';

const names = z.array(z.string());
export const historicalBody = z.strictObject({
  service: z.string().optional(),
  views: names.optional(),
  features: names.optional(),
  spine: z.array(z.record(z.string(), z.unknown())),
  mode: z.enum(['known', 'happened']).optional(),
  dataCut: moment.optional(),
});

/**
 * Reads a body `{ service | views | features, spine, mode?, dataCut? }` and the header `X-Request-Timeout` (ms).
 * @throws REQUEST_INVALID with all problems
 */
export function parseHistoricalRequest(
  found: unknown,
  timeoutHeader: string | string[] | undefined,
  timeoutMsMax: number,
): HistoricalFeaturesRequest {
  const problems: string[] = [];
  const parsed = historicalBody.safeParse(found);
  if (!parsed.success) problems.push(...bodyProblems(parsed.error));
  const selection = parsed.success ? selectionOf(parsed.data) : undefined;
  if (parsed.success && selection === undefined) problems.push("body: expected exactly one of 'service', 'views' and 'features'");
  const timeoutMs = readTimeout(timeoutHeader, timeoutMsMax, problems);
  if (!parsed.success || selection === undefined || problems.length > 0) {
    const example = '{ "views": ["<view>"], "spine": [ { "<key>": "<value>", "asOf": "2026-01-31T12:00:00Z" } ] }';
    throw new MillraceError('REQUEST_INVALID', `Historical read is wrong: ${problems.join('; ')}. Send ${example}.`);
  }
  const { spine, mode = 'known', dataCut } = parsed.data;
  return { selection, spine, mode, dataCut, timeoutMs };
}
