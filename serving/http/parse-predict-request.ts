import { z } from 'zod';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { TIME_MAGNITUDE_MAX_MS } from '../../src/fold/parse-row.ts';
import type { PredictOptions } from '../prediction.ts';

const body = z.strictObject({
  instances: z.array(z.unknown()).optional(),
  instance: z.unknown().optional(),
  asOf: z.union([z.number().int().min(-TIME_MAGNITUDE_MAX_MS).max(TIME_MAGNITUDE_MAX_MS), z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))]).optional(),
  parameters: z.record(z.string(), z.unknown()).optional(),
});

export interface PredictRequest {
  readonly instances: readonly unknown[];
  readonly options: PredictOptions;
}

/**
 * Reads a body `{ instances | instance, asOf?, parameters? }` and the header `X-Request-Timeout` (ms).
 * @throws REQUEST_INVALID with all problems
 */
export function parsePredictRequest(found: unknown, timeoutHeader: unknown, timeoutMsMax: number): PredictRequest {
  const problems: string[] = [];
  const parsed = body.safeParse(found);
  if (!parsed.success) {
    problems.push(...parsed.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`));
  } else if ((parsed.data.instances === undefined) === (parsed.data.instance === undefined)) {
    problems.push("body: expected either 'instances' (a list) or 'instance' (one object)");
  }
  const timeoutMs = timeoutHeader === undefined ? undefined : Number(timeoutHeader);
  if (timeoutMs !== undefined && !(timeoutMs > 0 && timeoutMs <= timeoutMsMax)) {
    problems.push(`header X-Request-Timeout: expected milliseconds above 0 and up to ${timeoutMsMax}, found '${String(timeoutHeader)}'`);
  }
  if (!parsed.success || problems.length > 0) {
    const example = '{ "instances": [ { "<field>": <value> } ], "asOf": "2026-01-31T12:00:00Z" }';
    throw new MillraceError('REQUEST_INVALID', `Prediction request is wrong: ${problems.join('; ')}. Send ${example}.`);
  }
  const { instances, instance, asOf } = parsed.data;
  return { instances: instances ?? [instance], options: { asOf, timeoutMs } };
}
