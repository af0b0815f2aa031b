import { ByteWriter } from '../../src/fold/byte-writer.ts';
import type { EncodedDecision } from '../../src/store/decision-frame.ts';

/** A piece of memory that decisions are written to, one behind the other. */
export interface DecisionChunk {
  readonly writer: ByteWriter;
  /** Decisions in it that somebody keeps. */
  holds: number;
}

/** A decision, and the chunk that it lies in. */
export interface KeptDecision extends EncodedDecision {
  readonly chunk: DecisionChunk;
}

const CHUNK_BYTES = 65_536;
/** No further decision is begun from here on: most end within the chunk, whose memory then never grows. */
const CHUNK_FULL_BYTES = 49_152;
/** Chunks that wait for their next use. */
const FREE_MAX = 64;

/**
 * Memory for decisions, used again once nobody keeps any of those in it. They come and go so fast, and live so long, that left to the garbage
 * collector they would fill the old generation again and again, whose collections hold up requests for tens of milliseconds.
 */
export class DecisionMemory {
  #current = newChunk();
  readonly #free: DecisionChunk[] = [];

  /** Where the next decision goes. Whoever keeps it holds the chunk before the next one is asked for. */
  get current(): DecisionChunk {
    if (this.#current.writer.length >= CHUNK_FULL_BYTES) {
      const full = this.#current;
      this.#current = this.#free.pop() ?? newChunk();
      if (full.holds === 0) this.#recycle(full);
    }
    return this.#current;
  }

  hold(chunk: DecisionChunk): void {
    chunk.holds++;
  }

  /** Afterwards what the holder kept may be overwritten. */
  release(chunk: DecisionChunk): void {
    chunk.holds--;
    if (chunk.holds === 0 && chunk !== this.#current) this.#recycle(chunk);
  }

  #recycle(chunk: DecisionChunk): void {
    if (this.#free.length >= FREE_MAX || chunk.writer.memory.length > 2 * CHUNK_BYTES) return;
    chunk.writer.reset();
    this.#free.push(chunk);
  }
}

const newChunk = (): DecisionChunk => ({ writer: new ByteWriter(CHUNK_BYTES), holds: 0 });
