import type { ByteReader } from '../byte-reader.ts';
import type { ByteWriter } from '../byte-writer.ts';

/**
 * A partial aggregate whose size follows what it holds, within a bound: the part of a tile that has no
 * place in slots. What it holds, and so its bytes, depend on the inputs only, never on the order in which
 * they came or were merged.
 */
export interface Sketch {
  /** Bytes of memory, about. */
  readonly byteLength: number;
  add(input: number): void;
  /** Takes one input back that was or will be added; absent where that can't be. */
  retract?(input: number): void;
  /** There where `retract` is: nothing is left of what was added. */
  readonly isEmpty?: boolean;
  /** Takes in another of its kind, which stays as it is. */
  merge(other: Sketch): void;
  clear(): void;
  encode(writer: ByteWriter): void;
}

/** How sketches of one kind are made. */
export interface SketchKind {
  readonly name: string;
  create(): Sketch;
  /** @throws MalformedBytes on anything that `encode` did not write */
  decode(reader: ByteReader): Sketch;
}
