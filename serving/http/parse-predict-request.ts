import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { MillraceError } from '../../src/core/millrace-error.ts';
import type { PredictOptions } from '../prediction.ts';
import { bodyProblems, moment, parametersOf, readRunHeaders } from './request-options.ts';

/** What a prediction says of its score; ids and versions it always says. */
export const predictOutputs = ['score', 'label'] as const;
export type PredictOutput = (typeof predictOutputs)[number];
const FEATURES_MAX = 1_024;

export const predictBody = z.strictObject({
  instances: z.array(z.unknown()).optional(),
  instance: z.unknown().optional(),
  asOf: moment.optional(),
  outputs: z.array(z.enum(predictOutputs)).min(1).max(predictOutputs.length).optional(),
  include: z
    .strictObject({
      features: z
        .union([z.boolean(), z.array(z.string()).min(1).max(FEATURES_MAX)], { error: `expected true, false or 1 to ${FEATURES_MAX} names` })
        .optional(),
      ages: z.boolean().optional(),
      explanation: z.boolean().optional(),
    })
    .optional(),
  parameters: parametersOf(z.unknown()),
});

export interface PredictRequest extends Pick<PredictOptions, 'asOf' | 'include' | 'timeoutMs' | 'priority'> {
  readonly instances: readonly unknown[];
  readonly outputs: readonly PredictOutput[];
}

/**
 * Reads a body `{ instances | instance, asOf?, outputs?, include?, parameters? }` and the headers `X-Request-Timeout` (ms) and `X-Request-Priority`.
 * @throws REQUEST_INVALID with all problems
 */
export function parsePredictRequest(found: unknown, headers: IncomingHttpHeaders, timeoutMsMax: number): PredictRequest {
  const problems: string[] = [];
  const parsed = predictBody.safeParse(found);
  if (!parsed.success) {
    problems.push(bodyProblems(parsed.error));
  } else if ((parsed.data.instances === undefined) === (parsed.data.instance === undefined)) {
    problems.push("body: expected either 'instances' (a list) or 'instance' (one object)");
  }
  const { timeoutMs, priority } = readRunHeaders(headers, timeoutMsMax, problems);
  if (!parsed.success || problems.length > 0) {
    const example = '{ "instances": [ { "<field>": <value> } ], "asOf": "2026-01-31T12:00:00Z" }';
    throw new MillraceError('REQUEST_INVALID', `Prediction request is wrong: ${problems.join('; ')}. Send ${example}.`);
  }
  const { instances, instance, asOf, include, outputs = predictOutputs } = parsed.data;
  return { instances: instances ?? [instance], asOf, include, timeoutMs, priority, outputs };
}
