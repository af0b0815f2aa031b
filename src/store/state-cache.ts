import type { ViewProgram } from '../fold/compile-view.ts';
import { decodeState, encodeState } from '../fold/state-codec.ts';
import { createState, type ViewState } from '../fold/view-state.ts';
import type { OnlineStore } from './online-store.ts';

export interface StateCacheLimits {
  readonly statesMax: number;
  /** Encoded bytes; the decoded states take a small multiple of it. */
  readonly bytesMax: number;
}

/** What one process keeps of all its view partitions. */
export const stateCacheLimitsDefault: StateCacheLimits = { statesMax: 400_000, bytesMax: 192 * 1_048_576 };

/** Limits of one view partition where a process may hold so many. */
export const shareOfCache = (partitions: number): StateCacheLimits => ({
  statesMax: Math.ceil(stateCacheLimitsDefault.statesMax / Math.max(1, partitions)),
  bytesMax: Math.ceil(stateCacheLimitsDefault.bytesMax / Math.max(1, partitions)),
});

interface Entry {
  readonly state: ViewState;
  bytes: number;
}

export interface EncodedState {
  readonly entityKey: string;
  readonly bytes: Uint8Array;
}

/**
 * States of one view partition in memory, in front of Redis: least recently used ones leave once they
 * are written. Only the partition's single writer may hold one.
 */
export class StateCache {
  readonly #program: ViewProgram;
  readonly #limits: StateCacheLimits;
  /** In order of use: a Map iterates in order of insertion, and a used entry is inserted again. */
  readonly #entries = new Map<string, Entry>();
  readonly #dirty = new Set<string>();
  #bytes = 0;

  constructor(program: ViewProgram, limits: StateCacheLimits) {
    this.#program = program;
    this.#limits = limits;
  }

  clear(): void {
    this.#entries.clear();
    this.#dirty.clear();
    this.#bytes = 0;
  }

  /** Brings the states of all these keys into memory; what Redis doesn't have starts empty. */
  async load(store: OnlineStore, keys: Iterable<string>, isStored: (key: string) => boolean): Promise<void> {
    const missing: string[] = [];
    for (const key of keys) {
      const present = this.#entries.get(key);
      if (present === undefined) {
        missing.push(key);
        continue;
      }
      this.#entries.delete(key);
      this.#entries.set(key, present);
    }
    const asked = missing.filter(isStored);
    const found = await store.readStates(asked.map((entityKey) => ({ program: this.#program, entityKey })));
    const stored = new Map(asked.map((key, i) => [key, found[i] ?? null]));
    for (const key of missing) {
      const bytes = stored.get(key) ?? null;
      const state = bytes === null ? createState(this.#program) : decodeState(this.#program, bytes);
      this.#entries.set(key, { state, bytes: bytes?.byteLength ?? 0 });
      this.#bytes += bytes?.byteLength ?? 0;
    }
  }

  /** A state that `load` brought in, or undefined. */
  get(key: string): ViewState | undefined {
    return this.#entries.get(key)?.state;
  }

  /** States that changed since the last call to `clean`. */
  get dirtyCount(): number {
    return this.#dirty.size;
  }

  markDirty(key: string): void {
    this.#dirty.add(key);
  }

  /** Encodes what changed since the last call to `clean`. */
  encodeDirty(): EncodedState[] {
    const encoded: EncodedState[] = [];
    for (const entityKey of this.#dirty) {
      const entry = this.#entries.get(entityKey);
      if (entry === undefined) continue;
      const bytes = encodeState(this.#program, entry.state);
      this.#bytes += bytes.byteLength - entry.bytes;
      entry.bytes = bytes.byteLength;
      encoded.push({ entityKey, bytes });
    }
    return encoded;
  }

  /** All changes are in Redis: forget that they were changes, and let the least recently used go. */
  clean(): void {
    this.#dirty.clear();
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size <= this.#limits.statesMax && this.#bytes <= this.#limits.bytesMax) return;
      this.#entries.delete(key);
      this.#bytes -= entry.bytes;
    }
  }
}
