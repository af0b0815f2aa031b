import { setTimeout as sleep } from 'node:timers/promises';
import type { LifecycleEvent } from '../src/contracts/lifecycle.ts';
import { formatDuration } from '../src/core/duration.ts';
import { MillraceError } from '../src/core/millrace-error.ts';
import type { CommandContext } from './command-context.ts';
import { exitCodes, type ExitCode } from './exit-code.ts';
import { lifecycleOf, type LifecycleClient } from './lifecycle-client.ts';
import { withTemporal } from './open-servers.ts';
import { signalLifecycle } from './signal-lifecycle.ts';

const POLL_MS = 250;

export interface CommandWait {
  readonly wait?: boolean;
  /** Milliseconds. */
  readonly timeout: number;
}

export interface LifecycleRequest {
  readonly kind: string;
  readonly signal: string;
  readonly payload: unknown;
  /** What an event of the lifecycle says of the request; null: it is about something else. */
  readonly outcomeOf: (event: LifecycleEvent) => 'done' | 'refused' | null;
}

/**
 * Asks a model's lifecycle for something; where asked to, follows it until it is done or refused.
 * @throws MillraceError WAIT_TIMED_OUT; it may still be done
 */
export async function followCommand(context: CommandContext, model: string, request: LifecycleRequest, { wait, timeout }: CommandWait): Promise<ExitCode> {
  const { kind, signal, payload, outcomeOf } = request;
  if (wait !== true) return signalLifecycle(context, model, signal, payload);
  return withTemporal(context, `asking for '${kind}' of '${model}'`, async (client, { namespace }) => {
    const lifecycle = lifecycleOf(client, namespace, model);
    const before = new Set((await lifecycle.history()).map(keyOf));
    await lifecycle.signal(signal, payload);
    const isOutcome = (event: LifecycleEvent): boolean => outcomeOf(event) !== null && !before.has(keyOf(event));
    const event = await awaitEvent(lifecycle, isOutcome, AbortSignal.any([context.signal, AbortSignal.timeout(timeout)]));
    if (event === null) {
      context.signal.throwIfAborted();
      throw new MillraceError(
        'WAIT_TIMED_OUT',
        `The lifecycle of '${model}' did not say within ${formatDuration(timeout)} what became of it; it may still do it. Follow it with 'millrace status', or wait longer with --timeout.`,
      );
    }
    context.output.result({ model, kind, ...event }, () => `${event.what}: ${event.why}`);
    return outcomeOf(event) === 'done' ? exitCodes.ok : exitCodes.refused;
  });
}

/** Null where it is aborted before. */
async function awaitEvent(lifecycle: LifecycleClient, isWanted: (event: LifecycleEvent) => boolean, signal: AbortSignal): Promise<LifecycleEvent | null> {
  while (!signal.aborted) {
    const found = (await lifecycle.history()).find(isWanted);
    if (found !== undefined) return found;
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  return null;
}

const keyOf = ({ at, what, version, why }: LifecycleEvent): string => `${at} ${what} ${version} ${why}`;
