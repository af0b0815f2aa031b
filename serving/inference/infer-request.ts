import type { Caller } from '../batcher/batcher.ts';
import type { RequestTrace } from '../request-trace.ts';
import type { ModelRouter } from '../router/model-router.ts';
import { describe } from '../../src/fold/parse-row.ts';
import type { Tensor } from '../../src/contracts/tensor.ts';

/** What every transport makes of an inference request. */
export interface InferRequest extends Caller {
  readonly model: string;
  /** The champion, where absent. */
  readonly version?: string | undefined;
  /** Comes back with the answer. */
  readonly id?: string | undefined;
  readonly inputs: readonly Tensor[];
  /** Names of the outputs wanted, in their order; all, where absent. */
  readonly outputs?: readonly string[] | undefined;
  /** When the request came, on the scale of `timers.now()`: what it waited since counts. Absent: now. */
  readonly arrivedAt?: number | undefined;
  /** Time that the caller allows from then on, in ms. */
  readonly timeoutMs?: number | undefined;
  /** Of a request that is recorded. */
  readonly trace?: RequestTrace | undefined;
}

export interface InferAnswer {
  readonly model: string;
  readonly version: number;
  /** What the version was for when it answered. */
  readonly role: ReturnType<ModelRouter['roleOf']>;
  readonly digest: string;
  readonly id: string | undefined;
  readonly outputs: readonly Tensor[];
}

/** Tensors of one request. */
export const TENSORS_MAX = 64;
/** Dimensions of one tensor. */
export const DIMENSIONS_MAX = 8;
export const ID_LENGTH_MAX = 1_024;
const TIMEOUT_UNITS_PER_MS = 1_000;

/**
 * The time allowed by the parameter `timeout` of the protocol, in microseconds, and by the transport: the lesser of both, in ms.
 * @param problems a wrong parameter is added to them
 */
export function allowedMs(parameter: unknown, transportMs: number | undefined, timeoutMsMax: number, problems: string[]): number | undefined {
  // Clients send 0 for none.
  if (parameter === undefined || parameter === 0) return transportMs;
  const timeoutMs = typeof parameter === 'number' ? parameter / TIMEOUT_UNITS_PER_MS : NaN;
  if (timeoutMs > 0 && timeoutMs <= timeoutMsMax) return Math.min(timeoutMs, transportMs ?? Infinity);
  problems.push(`parameters.timeout: expected microseconds above 0 and up to ${timeoutMsMax * TIMEOUT_UNITS_PER_MS}, found ${describe(parameter)}`);
  return undefined;
}
