import type { Dispatcher } from 'undici';
import { errorTable, type ErrorCode } from '../src/core/error-table.ts';
import { messageOf, MillraceError } from '../src/core/millrace-error.ts';

const TIMEOUT_MS = 30_000;
const OK = 200;

export interface HttpCall {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly body?: unknown;
  /** Of a process with access control. */
  readonly apiKey?: string | undefined;
  /** Of a process that asks for a certificate. */
  readonly agent?: Dispatcher | undefined;
  readonly signal: AbortSignal;
}

/**
 * Calls a Millrace process. What it answers as `{ error, code }` comes out as that error again.
 * @throws MillraceError PROCESS_UNREACHABLE where nothing answers, or what the process answered
 */
export async function callHttp(call: HttpCall): Promise<unknown> {
  const { request } = await import('undici');
  let status: number;
  let text: string;
  try {
    const answer = await request(call.url, {
      method: call.method,
      ...(call.agent === undefined ? {} : { dispatcher: call.agent }),
      signal: call.signal,
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
      headers: {
        ...(call.apiKey === undefined ? {} : { 'x-api-key': call.apiKey }),
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    });
    status = answer.statusCode;
    text = await answer.body.text();
  } catch (cause) {
    throw new MillraceError(
      'PROCESS_UNREACHABLE',
      `Nothing answers at ${call.url}: ${messageOf(cause)}. Start Millrace with 'millrace start', or look at 'millrace status'.`,
      { cause },
    );
  }
  const parsed = parseJson(text);
  if (status === OK) return parsed;
  throw failureOf(call, status, parsed, text);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function failureOf(call: HttpCall, status: number, parsed: unknown, text: string): MillraceError {
  const { error, code } = (parsed ?? {}) as { error?: unknown; code?: unknown };
  if (typeof error === 'string' && typeof code === 'string' && Object.hasOwn(errorTable, code)) {
    return new MillraceError(code as ErrorCode, error);
  }
  return new MillraceError(
    'PROCESS_UNREACHABLE',
    `${call.url} answered ${status}, and not as a Millrace process does: ${text.slice(0, 200)}. Check the port.`,
  );
}
