import type { EncodedState, StateCache } from './state-cache.ts';

/** Keys and bytes of memory of states that wait to be written. */
const WAITING_KEYS_MAX = 50_000;
const WAITING_BYTES_MAX = 128 * 1_048_576;
/** States of one write: one script, which holds Redis for so long. */
const WRITE_KEYS_MAX = 5_000;

/**
 * States of a rebuild that changed since they were written last. A key has many events, and each write of its state is a
 * whole one: it waits for as many of them as memory allows.
 */
export class WaitingStates {
  readonly #cache: StateCache;
  readonly #write: (states: readonly EncodedState[]) => Promise<void>;
  readonly #sizes = new Map<string, number>();
  #bytes = 0;

  constructor(cache: StateCache, write: (states: readonly EncodedState[]) => Promise<void>) {
    this.#cache = cache;
    this.#write = write;
  }

  /** Notes that states of these keys, which are in the cache, changed. */
  add(keys: Iterable<string>): void {
    for (const key of keys) {
      const bytes = this.#cache.get(key)?.byteLength;
      if (bytes === undefined) continue;
      this.#cache.markDirty(key);
      this.#bytes += bytes - (this.#sizes.get(key) ?? 0);
      this.#sizes.set(key, bytes);
    }
  }

  get isFull(): boolean {
    return this.#sizes.size >= WAITING_KEYS_MAX || this.#bytes >= WAITING_BYTES_MAX;
  }

  /** Writes all of them, and answers their keys. */
  async flush(signal?: AbortSignal): Promise<string[]> {
    const states = this.#cache.encodeDirty();
    for (let from = 0; from < states.length; from += WRITE_KEYS_MAX) {
      signal?.throwIfAborted();
      await this.#write(states.slice(from, from + WRITE_KEYS_MAX));
    }
    this.#cache.clean();
    this.#sizes.clear();
    this.#bytes = 0;
    return states.map(({ entityKey }) => entityKey);
  }
}
