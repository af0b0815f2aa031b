import { z } from 'zod';
import type { OnlineFeaturesRequest } from '../features/online-features.ts';
import { parseFeatureRead, selectionFields } from './parse-feature-read.ts';
import { moment } from './request-options.ts';

export const onlineBody = z.strictObject({
  ...selectionFields,
  entities: z.array(z.unknown()),
  asOf: moment.optional(),
  include: z
    .strictObject({ ages: z.boolean().optional(), fences: z.boolean().optional(), texts: z.boolean().optional() })
    .optional(),
});
const example = '{ "views": ["<view>"], "entities": [ { "<key>": "<value>" } ], "asOf": "2026-01-31T12:00:00Z" }';

/**
 * Reads a body `{ service | views | features, entities, asOf?, include? }` and the header `X-Request-Timeout` (ms).
 * @throws REQUEST_INVALID with all problems
 */
export function parseOnlineRequest(found: unknown, timeoutHeader: string | string[] | undefined, timeoutMsMax: number): OnlineFeaturesRequest {
  const form = { what: 'Online read', body: onlineBody, example, timeoutMsMax };
  const { body: given, selection, timeoutMs } = parseFeatureRead(form, found, timeoutHeader);
  const { entities, asOf, include } = given;
  const included = { ages: include?.ages ?? true, fences: include?.fences ?? false, texts: include?.texts ?? false };
  return { selection, entities, asOf, timeoutMs, include: included };
}
