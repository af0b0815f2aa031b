import { fnv1a32, fnv1a32OfBytes } from '../core/fnv1a.ts';
import { longerArray } from '../core/longer-array.ts';

/** Texts that are known at most, and bytes of them, before `isFull`. */
const TEXTS_MAX = 16_384;
const BYTES_MAX = 1_048_576;
/** A power of two; they double while more than half are taken. */
const PLACES_MIN = 1_024;
/** Of a place: the number of a text plus one (0: none) and the text's hash. */
const PLACE_NUMBERS = 2;
const ascii = /^[\0-\x7f]*$/;

/**
 * Numbers texts from 0 on as they are first read, by their bytes: a text of ASCII that is known already needs neither to be made anew nor to be looked
 * up in a map of texts, which between them cost three times as much. The bytes lie one after the other, so that few cache lines are touched.
 */
export class TextIds {
  #places = new Int32Array(PLACES_MIN * PLACE_NUMBERS);
  #bytes = new Uint8Array(PLACES_MIN * 16);
  /** Where the bytes of each text begin; one more than there are texts. Of a text that is not ASCII there are none. */
  #starts = new Int32Array(PLACES_MIN);
  readonly #texts: string[] = [];
  readonly #notAscii = new Map<string, number>();

  /** So many texts, or so long ones, that it is time to `clear` it; it goes on to take more. */
  get isFull(): boolean {
    return this.#texts.length >= TEXTS_MAX || this.#starts[this.#texts.length]! >= BYTES_MAX;
  }

  textOf(id: number): string {
    return this.#texts[id]!;
  }

  /** Forgets all texts: their numbers are given to others. */
  clear(): void {
    this.#places.fill(0);
    this.#texts.length = 0;
    this.#notAscii.clear();
  }

  /** Number of the text of ASCII that these bytes are, or -1 where they are none that is known. */
  find(bytes: Uint8Array, start: number, length: number): number {
    const hash = fnv1a32OfBytes(bytes, start, start + length) | 0;
    const places = this.#places;
    const last = places.length / PLACE_NUMBERS - 1;
    for (let place = placeOf(hash) & last; ; place = (place + 1) & last) {
      const id = places[place * PLACE_NUMBERS]! - 1;
      if (id < 0) return -1;
      if (places[place * PLACE_NUMBERS + 1] === hash && this.#hasBytes(id, bytes, start, length)) return id;
    }
  }

  /** Number of a text that `find` did not find. */
  add(text: string): number {
    const id = this.#texts.length;
    if (!ascii.test(text)) {
      const known = this.#notAscii.get(text);
      if (known !== undefined) return known;
      this.#notAscii.set(text, id);
      this.#keep(text, 0);
      return id;
    }
    this.#keep(text, text.length);
    if (2 * id >= this.#places.length / PLACE_NUMBERS) this.#growPlaces();
    this.#place(id, fnv1a32(text) | 0);
    return id;
  }

  #hasBytes(id: number, bytes: Uint8Array, start: number, length: number): boolean {
    const own = this.#starts[id]!;
    if (this.#starts[id + 1]! - own !== length) return false;
    for (let i = 0; i < length; i++) if (this.#bytes[own + i] !== bytes[start + i]) return false;
    return true;
  }

  #keep(text: string, length: number): void {
    const id = this.#texts.push(text) - 1;
    if (id + 1 === this.#starts.length) this.#starts = longerArray(this.#starts, 2 * this.#starts.length);
    const start = this.#starts[id]!;
    this.#starts[id + 1] = start + length;
    if (start + length > this.#bytes.length) this.#bytes = longerArray(this.#bytes, 2 * (start + length));
    for (let i = 0; i < length; i++) this.#bytes[start + i] = text.charCodeAt(i);
  }

  #place(id: number, hash: number): void {
    const last = this.#places.length / PLACE_NUMBERS - 1;
    let place = placeOf(hash) & last;
    while (this.#places[place * PLACE_NUMBERS] !== 0) place = (place + 1) & last;
    this.#places[place * PLACE_NUMBERS] = id + 1;
    this.#places[place * PLACE_NUMBERS + 1] = hash;
  }

  #growPlaces(): void {
    const before = this.#places;
    this.#places = new Int32Array(2 * before.length);
    for (let at = 0; at < before.length; at += PLACE_NUMBERS) {
      if (before[at] !== 0) this.#place(before[at]! - 1, before[at + 1]!);
    }
  }
}

/** The upper bits too: those of short texts differ there most. */
const placeOf = (hash: number): number => hash ^ (hash >>> 15);
