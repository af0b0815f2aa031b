import { z } from 'zod';
import { MillraceError } from '../../src/core/millrace-error.ts';
import type { OnlineSelection } from '../../src/store/online-catalog.ts';
import type { OnlineFeaturesRequest } from '../features/online-features.ts';
import { bodyProblems, moment, readTimeout } from './request-options.ts';

const names = z.array(z.string());
export const onlineBody = z.strictObject({
  service: z.string().optional(),
  views: names.optional(),
  features: names.optional(),
  entities: z.array(z.unknown()),
  asOf: moment.optional(),
  include: z
    .strictObject({ ages: z.boolean().optional(), fences: z.boolean().optional(), texts: z.boolean().optional() })
    .optional(),
});

/**
 * Reads a body `{ service | views | features, entities, asOf?, include? }` and the header `X-Request-Timeout` (ms).
 * @throws REQUEST_INVALID with all problems
 */
export function parseOnlineRequest(found: unknown, timeoutHeader: string | string[] | undefined, timeoutMsMax: number): OnlineFeaturesRequest {
  const problems: string[] = [];
  const parsed = onlineBody.safeParse(found);
  if (!parsed.success) problems.push(...bodyProblems(parsed.error));
  const selection = parsed.success ? selectionOf(parsed.data) : undefined;
  if (parsed.success && selection === undefined) problems.push("body: expected exactly one of 'service', 'views' and 'features'");
  const timeoutMs = readTimeout(timeoutHeader, timeoutMsMax, problems);
  if (!parsed.success || selection === undefined || problems.length > 0) {
    const example = '{ "views": ["<view>"], "entities": [ { "<key>": "<value>" } ], "asOf": "2026-01-31T12:00:00Z" }';
    throw new MillraceError('REQUEST_INVALID', `Online read is wrong: ${problems.join('; ')}. Send ${example}.`);
  }
  const { entities, asOf, include } = parsed.data;
  const included = { ages: include?.ages ?? true, fences: include?.fences ?? false, texts: include?.texts ?? false };
  return { selection, entities, asOf, timeoutMs, include: included };
}

/** The one of the three that is given; undefined where it is none or several. */
export function selectionOf({
  service,
  views,
  features,
}: Pick<z.output<typeof onlineBody>, 'service' | 'views' | 'features'>): OnlineSelection | undefined {
  const given = [
    ...(service === undefined ? [] : [{ service }]),
    ...(views === undefined ? [] : [{ views }]),
    ...(features === undefined ? [] : [{ features }]),
  ];
  return given.length === 1 ? given[0] : undefined;
}
