import type { ViewProgram } from '../fold/compile-view.ts';
import { decodeState, encodeState } from '../fold/state-codec.ts';
import { createState, type ViewState } from '../fold/view-state.ts';
import type { OnlineStore } from './online-store.ts';
import type { EncodedState, StateCacheLimits } from './state-cache.ts';

/** States of one write: one script, which holds Redis for so long. */
const WRITE_KEYS_MAX = 5_000;

/** A state as it is written. */
export interface RebuiltState extends EncodedState {
  readonly newestKnownTime: number;
}

interface Entry {
  readonly state: ViewState;
  /** Of memory, when it was looked at last. */
  bytes: number;
}

/**
 * States that a rebuild makes. A key has many events, and each write of its state is a whole one: states wait in memory until
 * it is full, then all are written and forgotten.
 */
export class RebuiltStates {
  readonly #program: ViewProgram;
  readonly #store: OnlineStore;
  readonly #limits: StateCacheLimits;
  readonly #entries = new Map<string, Entry>();
  /** Keys written by this rebuild: for all others, what the store holds is from before and is not read. */
  readonly #written = new Set<string>();
  #bytes = 0;

  /** @param limits states and bytes of memory; what one call of `update` asks for is held above them */
  constructor(program: ViewProgram, store: OnlineStore, limits: StateCacheLimits) {
    this.#program = program;
    this.#store = store;
    this.#limits = limits;
  }

  /** How many keys were written. */
  get written(): number {
    return this.#written.size;
  }

  get isFull(): boolean {
    return this.#entries.size >= this.#limits.statesMax || this.#bytes >= this.#limits.bytesMax;
  }

  /** Brings the states of different keys into memory and changes them: empty ones where this rebuild has not seen the key. */
  async update(keys: readonly string[], change: (states: readonly ViewState[]) => void): Promise<void> {
    const entries = await this.#load(keys);
    change(entries.map(({ state }) => state));
    for (const entry of entries) {
      const bytes = entry.state.byteLength;
      this.#bytes += bytes - entry.bytes;
      entry.bytes = bytes;
    }
  }

  /** Writes all states, and forgets them. While one write is under way the states of the next are encoded. */
  async flush(write: (states: readonly RebuiltState[]) => Promise<void>, signal?: AbortSignal): Promise<void> {
    let states: RebuiltState[] = [];
    let writing = Promise.resolve();
    const writeOut = async (): Promise<void> => {
      await writing;
      signal?.throwIfAborted();
      for (const { entityKey } of states) this.#written.add(entityKey);
      writing = write(states);
      states = [];
    };
    for (const [entityKey, { state }] of this.#entries) {
      states.push({ entityKey, bytes: encodeState(this.#program, state), newestKnownTime: state.newestKnownTime });
      if (states.length >= WRITE_KEYS_MAX) await writeOut();
    }
    if (states.length > 0) await writeOut();
    await writing;
    this.#entries.clear();
    this.#bytes = 0;
  }

  async #load(keys: readonly string[]): Promise<Entry[]> {
    const entries = new Array<Entry>(keys.length);
    const stored: number[] = [];
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      const entry = this.#entries.get(key);
      if (entry !== undefined) entries[i] = entry;
      else if (this.#written.has(key)) stored.push(i);
      else entries[i] = this.#add(key, null);
    }
    if (stored.length === 0) return entries;
    const found = await this.#store.readStates(stored.map((i) => ({ program: this.#program, entityKey: keys[i]! })));
    for (const [n, i] of stored.entries()) entries[i] = this.#add(keys[i]!, found[n] ?? null);
    return entries;
  }

  #add(key: string, bytes: Uint8Array | null): Entry {
    const state = bytes === null ? createState(this.#program) : decodeState(this.#program, bytes);
    const entry = { state, bytes: 0 };
    this.#entries.set(key, entry);
    return entry;
  }
}
