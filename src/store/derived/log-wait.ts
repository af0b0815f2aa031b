import { setTimeout as delay } from 'node:timers/promises';
import type { Source } from '../../define/source.ts';
import { awaitLog, readLogEnds, type AwaitLogDeps } from './await-log.ts';

/** A wait for the logs of some sources that may be taken up again: for what their topics had when it began. */
export class LogWait {
  readonly #deps: AwaitLogDeps;
  readonly #behind: Set<string>;
  readonly #ends = new Map<Source, ReadonlyMap<number, number>>();
  readonly #stopped = new AbortController();
  readonly #done: Promise<void>;

  constructor(deps: AwaitLogDeps, sources: readonly Source[], signal: AbortSignal) {
    this.#deps = deps;
    this.#behind = new Set(sources.map(({ name }) => name));
    const either = AbortSignal.any([signal, this.#stopped.signal]);
    const waits = sources.map(async (source) => {
      this.#ends.set(source, await awaitLog(deps, source, either));
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

  /** False where a log no longer has what it had: a crash of Postgres took rows back, or its ingest was set back. */
  async isStillThere(): Promise<boolean> {
    for (const [source, ends] of this.#ends) {
      const found = await readLogEnds(this.#deps.postgres, source);
      if ([...ends].some(([partition, end]) => (found.get(partition) ?? 0) < end)) return false;
    }
    return true;
  }

  stop(): void {
    this.#stopped.abort();
  }
}
