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
 */
export class DecodedStates {
  readonly #bytesMax: number;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  readonly #prefixes = new Map<ViewProgram, string>();
  #bytes = 0;

  constructor(bytesMax = DECODED_STATES_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /**
   * The state that Redis holds as `encoded`; shared, so nobody may change it.
   * @throws MillraceError STATE_CORRUPT
   */
  get(program: ViewProgram, entityKey: string | null, encoded: Buffer): ViewState {
    const key = `${this.#prefixOf(program)}${entityKey ?? ''}`;
    const found = this.#entries.get(key);
    if (found !== undefined) {
      this.#entries.delete(key);
      if (found.encoded.equals(encoded)) {
        this.#entries.set(key, found);
        return found.state;
      }
      this.#bytes -= found.bytes;
    }
    const state = decodeState(program, encoded);
    this.#keep(key, encoded, state);
    return state;
  }

  #keep(key: string, encoded: Buffer, state: ViewState): void {
    const bytes = encoded.byteLength + state.byteLength;
    if (bytes > this.#bytesMax) return;
    // A copy: the driver's buffer may be a window on a whole reply.
    this.#entries.set(key, { encoded: Buffer.from(encoded), state, bytes });
    this.#bytes += bytes;
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#entries.delete(oldest);
      this.#bytes -= entry.bytes;
    }
  }

  /** Names of views hold no slash, so no two pairs make one key. */
  #prefixOf(program: ViewProgram): string {
    let prefix = this.#prefixes.get(program);
    if (prefix === undefined) this.#prefixes.set(program, (prefix = `${program.name}/${program.version}/`));
    return prefix;
  }
}
