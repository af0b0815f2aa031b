import { z } from 'zod';
import type { HistoricalFeaturesRequest } from '../features/historical-features.ts';
import { parseFeatureRead, selectionFields } from './parse-feature-read.ts';
import { moment } from './request-options.ts';

export const historicalBody = z.strictObject({
  ...selectionFields,
  // Rows are counted, and then looked at by what is read: here each wrong one would be a problem of its own.
  spine: z.array(z.unknown().meta({ type: 'object' })),
  mode: z.enum(['known', 'happened']).optional(),
  dataCut: moment.optional(),
});
const example = '{ "views": ["<view>"], "spine": [ { "<key>": "<value>", "asOf": "2026-01-31T12:00:00Z" } ] }';

/**
 * Reads a body `{ service | views | features, spine, mode?, dataCut? }` and the header `X-Request-Timeout` (ms).
 * @throws REQUEST_INVALID with all problems
 */
export function parseHistoricalRequest(
  found: unknown,
  timeoutHeader: string | string[] | undefined,
  timeoutMsMax: number,
): HistoricalFeaturesRequest {
  const form = { what: 'Historical read', body: historicalBody, example, timeoutMsMax };
  const { body: given, selection, timeoutMs } = parseFeatureRead(form, found, timeoutHeader);
  const { spine, mode = 'known', dataCut } = given;
  return { selection, spine, mode, dataCut, timeoutMs };
}
