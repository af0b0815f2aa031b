import { decodeState } from '../../src/fold/state-codec.ts';
import type { ViewProgram } from '../../src/fold/compile-view.ts';
import type { ViewState } from '../../src/fold/view-state.ts';

/** Bytes of states, encoded and decoded, that are kept. */
export const DECODED_STATES_BYTES_MAX = 64 * 1_048_576;

interface Entry {
  readonly encoded: Buffer;
  readonly state: ViewState;
  readonly bytes: number;
}

/**
 * The states that were decoded last, by view and entity key. A busy key is asked for many times between two of its
 * events: where Redis answers the same bytes, the state is the one at hand. Bytes decide, never time.
 *
 * Two generations, each of half the bytes: the younger one takes what is used, and when it is full it takes the place of
 * the older. Letting the least recently used go one by one would search the front of a Map, which deleted entries fill.
 */
export class DecodedStates {
  readonly #generationBytesMax: number;
  #older = new Map<string, Entry>();
  #younger = new Map<string, Entry>();
  #youngerBytes = 0;
  readonly #prefixes = new Map<ViewProgram, string>();

  constructor(bytesMax = DECODED_STATES_BYTES_MAX) {
    this.#generationBytesMax = bytesMax / 2;
  }

  /**
   * The state that Redis holds as `encoded`; shared, so nobody may change it.
   * @throws MillraceError STATE_CORRUPT
   */
  get(program: ViewProgram, entityKey: string | null, encoded: Buffer): ViewState {
    const key = `${this.#prefixOf(program)}${entityKey ?? ''}`;
    const young = this.#younger.get(key);
    if (young?.encoded.equals(encoded) === true) return young.state;
    const old = young === undefined ? this.#older.get(key) : undefined;
    if (old?.encoded.equals(encoded) === true) {
      this.#keep(key, old, young);
      return old.state;
    }
    const state = decodeState(program, encoded);
    const bytes = encoded.byteLength + state.byteLength;
    // A copy: the driver's buffer may be a window on a whole reply.
    this.#keep(key, { encoded: Buffer.from(encoded), state, bytes }, young);
    return state;
  }

  #keep(key: string, entry: Entry, replaced: Entry | undefined): void {
    this.#younger.set(key, entry);
    this.#youngerBytes += entry.bytes - (replaced?.bytes ?? 0);
    if (this.#youngerBytes <= this.#generationBytesMax) return;
    this.#older = this.#younger;
    this.#younger = new Map();
    this.#youngerBytes = 0;
  }

  /** Names of views hold no slash, so no two pairs make one key. */
  #prefixOf(program: ViewProgram): string {
    let prefix = this.#prefixes.get(program);
    if (prefix === undefined) this.#prefixes.set(program, (prefix = `${program.name}/${program.version}/`));
    return prefix;
  }
}
