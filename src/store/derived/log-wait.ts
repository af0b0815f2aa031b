import { setTimeout as delay } from 'node:timers/promises';
import type { Source } from '../../define/source.ts';
import { awaitLog, type AwaitLogDeps } from './await-log.ts';

/** A wait for the logs of some sources that may be taken up again: for what their topics had when it began. */
export class LogWait {
  readonly #behind: Set<string>;
  readonly #stopped = new AbortController();
  readonly #done: Promise<void>;

  constructor(deps: AwaitLogDeps, sources: readonly Source[], signal: AbortSignal) {
    this.#behind = new Set(sources.map(({ name }) => name));
    const either = AbortSignal.any([signal, this.#stopped.signal]);
    const waits = sources.map(async (source) => {
      await awaitLog(deps, source, either);
      this.#behind.delete(source.name);
    });
    this.#done = Promise.all(waits).then(() => undefined);
    // Nobody may be waiting when it fails: the next one who does is told.
    this.#done.catch(() => undefined);
  }

  /** Names of the sources whose log is behind after at most `ms`; empty once all are there. */
  async behindAfter(ms: number): Promise<readonly string[]> {
    const timer = new AbortController();
    const timeout = delay(ms, undefined, { signal: timer.signal }).catch(() => undefined);
    try {
      await Promise.race([this.#done, timeout]);
      return [...this.#behind];
    } finally {
      timer.abort();
    }
  }

  stop(): void {
    this.#stopped.abort();
  }
}
