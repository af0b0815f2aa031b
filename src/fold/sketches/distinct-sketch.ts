import { longerArray } from '../../core/longer-array.ts';
import { assertInvariant } from '../../core/assert-invariant.ts';
import { MalformedBytes, type ByteReader } from '../byte-reader.ts';
import type { ByteWriter } from '../byte-writer.ts';
import { estimateDistinct, PRECISION, RANK_MAX, REGISTERS } from './estimate-distinct.ts';
import type { Sketch, SketchKind } from './sketch.ts';

/** Up to so many values are kept as their hashes and counted exactly: 8 bytes each, as the registers would cost. */
export const EXACT_MAX = 64;
/** Greatest hash plus 1: as many bits as a double holds. */
const HASH_END = 2 ** 53;
/** What is left of a hash below the bits that choose its register. */
const RANK_BITS = 53 - PRECISION;
const RANK_BITS_HIGH = RANK_BITS - 32;
const REGISTER_STEP = 2 ** RANK_BITS;
/** More registers than this in use are written without their places. */
const SPARSE_MAX = REGISTERS / 2;

/**
 * A set of 53-bit hashes: the hashes themselves, ascending, while they are at most EXACT_MAX; then the
 * registers of a HyperLogLog (Flajolet, Fusy, Gandouet and Meunier, 2007). Which of the two it is depends
 * on how many there are, so the state is a function of the set.
 */
export class DistinctSketch implements Sketch {
  #hashes = new Float64Array(2);
  #count = 0;
  #registers: Uint8Array | null = null;

  get byteLength(): number {
    return this.#hashes.byteLength + (this.#registers?.byteLength ?? 0);
  }

  add(hash: number): void {
    if (this.#registers === null) this.#insert(hash);
    else raise(this.#registers, hash);
  }

  merge(other: Sketch): void {
    assertInvariant(other instanceof DistinctSketch, 'sketches of one kind are merged');
    if (other.#registers === null) {
      for (let i = 0; i < other.#count; i++) this.add(other.#hashes[i]!);
      return;
    }
    const registers = this.#toRegisters();
    for (let i = 0; i < REGISTERS; i++) {
      if (other.#registers[i]! > registers[i]!) registers[i] = other.#registers[i]!;
    }
  }

  clear(): void {
    this.#count = 0;
    this.#registers = null;
  }

  /** How many different values: exact up to EXACT_MAX, beyond it with the error of the registers. */
  estimate(): number {
    return this.#registers === null ? this.#count : estimateDistinct(this.#registers);
  }

  encode(writer: ByteWriter): void {
    if (this.#registers !== null) {
      writer.varint(EXACT_MAX + 1);
      encodeRegisters(this.#registers, writer);
      return;
    }
    writer.varint(this.#count);
    let before = 0;
    for (let i = 0; i < this.#count; i++) {
      writer.varint(this.#hashes[i]! - before);
      before = this.#hashes[i]!;
    }
  }

  static decode(reader: ByteReader): DistinctSketch {
    const sketch = new DistinctSketch();
    const count = reader.varintUpTo(EXACT_MAX + 1, 'number of hashes');
    if (count > EXACT_MAX) {
      sketch.#registers = decodeRegisters(reader);
      return sketch;
    }
    sketch.#hashes = new Float64Array(Math.max(2, count));
    for (let i = 0, hash = 0; i < count; i++) {
      const step = reader.varint();
      hash += step;
      if ((step === 0 && i > 0) || hash >= HASH_END) {
        throw new MalformedBytes(`expected ascending hashes below 2^53, found ${hash}`);
      }
      sketch.#hashes[i] = hash;
    }
    sketch.#count = count;
    return sketch;
  }

  #insert(hash: number): void {
    let place = this.#count;
    while (place > 0 && this.#hashes[place - 1]! > hash) place--;
    if (place > 0 && this.#hashes[place - 1] === hash) return;
    if (this.#count === EXACT_MAX) {
      raise(this.#toRegisters(), hash);
      return;
    }
    if (this.#count === this.#hashes.length) this.#hashes = longerArray(this.#hashes, 2 * this.#count);
    this.#hashes.copyWithin(place + 1, place, this.#count);
    this.#hashes[place] = hash;
    this.#count += 1;
  }

  #toRegisters(): Uint8Array {
    if (this.#registers !== null) return this.#registers;
    this.#registers = new Uint8Array(REGISTERS);
    for (let i = 0; i < this.#count; i++) raise(this.#registers, this.#hashes[i]!);
    this.#hashes = new Float64Array(2);
    this.#count = 0;
    return this.#registers;
  }
}

export const distinctSketch: SketchKind = {
  name: 'distinct',
  create: () => new DistinctSketch(),
  decode: (reader) => DistinctSketch.decode(reader),
};

/** The first bits of a hash choose the register; it keeps the greatest place of the first 1 in the others. */
function raise(registers: Uint8Array, hash: number): void {
  const register = Math.floor(hash / REGISTER_STEP);
  const rest = hash - register * REGISTER_STEP;
  const high = Math.floor(rest / 2 ** 32);
  const zeros = high > 0 ? Math.clz32(high) - (32 - RANK_BITS_HIGH) : RANK_BITS_HIGH + Math.clz32(rest >>> 0);
  if (zeros + 1 > registers[register]!) registers[register] = zeros + 1;
}

/** How many registers are in use; then the distance of each from the one before and what it holds, or all that each holds. */
function encodeRegisters(registers: Uint8Array, writer: ByteWriter): void {
  const used = registers.reduce((count, rank) => count + (rank > 0 ? 1 : 0), 0);
  writer.varint(used);
  let before = 0;
  registers.forEach((rank, i) => {
    if (used <= SPARSE_MAX) {
      if (rank === 0) return;
      writer.varint(i - before);
      before = i;
    }
    writer.byte(rank);
  });
}

function decodeRegisters(reader: ByteReader): Uint8Array {
  const registers = new Uint8Array(REGISTERS);
  const used = reader.varintUpTo(REGISTERS, 'registers in use');
  const isSparse = used <= SPARSE_MAX;
  for (let n = 0, i = 0; n < (isSparse ? used : REGISTERS); n++) {
    i = isSparse ? i + reader.varint() : n;
    const rank = reader.byte();
    if (i >= REGISTERS || rank > RANK_MAX || (isSparse && (rank === 0 || registers[i] !== 0))) {
      throw new MalformedBytes(
        `expected a register below ${REGISTERS} with at most ${RANK_MAX}, found ${i} with ${rank}`,
      );
    }
    registers[i] = rank;
  }
  return registers;
}
