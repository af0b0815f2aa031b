import type { Decision } from '../../src/contracts/decision.ts';
import { decodeDecision, hasId, type DecisionKind } from '../../src/store/decision-frame.ts';
import type { DecisionChunk, DecisionMemory, KeptDecision } from './decision-memory.ts';

/** The newest decisions of a process, in flat arrays: found by looking at all of them, for a map of them would be garbage all the time. */
export class RecentDecisions {
  readonly #memory: DecisionMemory;
  readonly #countMax: number;
  readonly #kinds: DecisionKind[] = [];
  readonly #chunks: DecisionChunk[] = [];
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;
  #next = 0;

  constructor(memory: DecisionMemory, countMax: number) {
    this.#memory = memory;
    this.#countMax = countMax;
    this.#starts = new Uint32Array(countMax);
    this.#ends = new Uint32Array(countMax);
  }

  /** The oldest goes where there are as many as there may be. */
  add({ kind, chunk, start, end }: KeptDecision): void {
    const place = this.#next;
    const before = this.#chunks[place];
    this.#memory.hold(chunk);
    if (before !== undefined) this.#memory.release(before);
    this.#kinds[place] = kind;
    this.#chunks[place] = chunk;
    this.#starts[place] = start;
    this.#ends[place] = end;
    this.#next = (place + 1) % this.#countMax;
  }

  /** The newest with this id. */
  find(id: string): Decision | undefined {
    const count = this.#kinds.length;
    for (let back = 1; back <= count; back++) {
      const place = (this.#next - back + count) % count;
      const { memory } = this.#chunks[place]!.writer;
      const start = this.#starts[place]!;
      if (hasId(memory, start, id)) return decodeDecision({ kind: this.#kinds[place]!, memory, start, end: this.#ends[place]! });
    }
    return undefined;
  }
}
