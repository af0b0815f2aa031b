import { setTimeout as delay } from 'node:timers/promises';
import { InvariantViolation } from '../core/assert-invariant.ts';
import { isMillraceError } from '../core/millrace-error.ts';
import { derivationOf } from '../define/derivation.ts';
import type { Source } from '../define/source.ts';
import { SourceDeriver, type DeriveDeps } from './source-deriver.ts';

export type { DeriveDeps } from './source-deriver.ts';

/** A consumer that reads no topic, so that it can't be told to read on elsewhere. */
export interface RunningDeriver {
  /** Resolves after `stop`, rejects when the deriver ended by itself. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

/** How often the log of a source at rest is looked at. */
const IDLE_MS = 20;
const BACKOFF_MS_MIN = 100;
const BACKOFF_MS_MAX = 5_000;

/**
 * Starts the deriver of all derived sources among these. Each has a loop of its own: one may wait for what another derives.
 * A retryable error is retried with back-off, any other ends all of them. A second deriver changes nothing but the work done.
 */
export async function startDeriver(deps: DeriveDeps, sources: readonly Source[]): Promise<RunningDeriver> {
  const stopped = new AbortController();
  const producer = await deps.kafka.createProducer();
  const derivers = sources.flatMap((source) => {
    const derivation = derivationOf(source);
    return derivation === undefined ? [] : [new SourceDeriver(source, derivation, producer, deps)];
  });
  const loops = derivers.map((deriver) =>
    derive(deriver, deps, stopped.signal).catch((error: unknown) => {
      stopped.abort();
      throw error;
    }),
  );
  const idle = new Promise<void>((resolve) =>
    stopped.signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  const ended = Promise.allSettled([idle, ...loops]).then(async (results) => {
    for (const deriver of derivers) deriver.stop();
    await producer.close();
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason as Error;
  });
  ended.catch(() => undefined);
  return {
    ended,
    async stop() {
      stopped.abort();
      await ended.catch(() => undefined);
    },
  };
}

async function derive(deriver: SourceDeriver, { logger }: DeriveDeps, signal: AbortSignal): Promise<void> {
  let backoffMs = BACKOFF_MS_MIN;
  while (!signal.aborted) {
    try {
      const hadEvents = await deriver.step(signal);
      backoffMs = BACKOFF_MS_MIN;
      if (!hadEvents) await pause(IDLE_MS, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof InvariantViolation || (isMillraceError(error) && !error.retryable)) throw error;
      logger.warn(
        { err: error, source: deriver.source.name, backoffMs },
        'events could not be derived, will be tried again',
      );
      await pause(backoffMs, signal);
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MS_MAX);
    }
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  delay(ms, undefined, { signal }).catch(() => undefined);
