import type { z } from 'zod';
import type { ErrorCode } from '../../../src/core/error-table.ts';

/** One endpoint as the document describes it. */
export interface Operation {
  readonly method: 'get' | 'post';
  /** As OpenAPI writes it: `/v1/models/{model}`. */
  readonly path: string;
  readonly summary: string;
  /** The schema that validates the body, by media type. */
  readonly body?: { readonly schema: z.ZodType; readonly mediaTypes: readonly string[]; readonly required: boolean; readonly oneOf?: readonly string[] };
  /** Whether `X-Request-Timeout` counts. */
  readonly timed?: boolean;
  /** Whether `X-Request-Priority` counts. */
  readonly prioritized?: boolean;
  readonly answer: z.ZodType;
  /** JSON, where absent. */
  readonly answerTypes?: readonly string[];
  /** Whether 503 has the answer too, as a check of readiness has. */
  readonly answerWhen503?: boolean;
  /** What it may fail with, besides what any endpoint may. */
  readonly errors: readonly ErrorCode[];
}

export const JSON_TYPE = 'application/json';
export const BINARY_TYPE = 'application/octet-stream';
