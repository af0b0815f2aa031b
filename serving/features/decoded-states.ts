import { fnv1a32 } from '../../src/core/fnv1a.ts';
import { decodeState } from '../../src/fold/state-codec.ts';
import type { ViewProgram } from '../../src/fold/compile-view.ts';
import type { ViewState } from '../../src/fold/view-state.ts';

/** Bytes of states, encoded and decoded, that are kept. */
export const DECODED_STATES_BYTES_MAX = 64 * 1_048_576;
/** Keys asked for once that are remembered, a power of two: about as many as there is room for small states. */
const ASKED_ONCE_MAX = 262_144;

interface Entry {
  readonly encoded: Buffer;
  readonly state: ViewState;
  readonly bytes: number;
}

/** What is kept of one version of one view, by entity key. */
class ViewEntries {
  /** Tells keys of one view from the same keys of another, where only their hashes are held against each other. */
  readonly salt: number;
  younger = new Map<string, Entry>();
  older = new Map<string, Entry>();

  constructor(name: string) {
    this.salt = fnv1a32(name);
  }
}

/**
 * The states that were decoded last, by view and entity key. A busy key is asked for many times between two of its
 * events: where Redis answers the same bytes, the state is the one at hand. Bytes decide, never time.
 *
 * A state is kept from the second time that its key is asked for. Keys that come once and never again would fill the room
 * with what nobody asks for, and each of their states would live long enough for the garbage collector to copy it twice.
 *
 * Two generations, each of half the bytes: the younger one takes what is used, and when it is full it takes the place of
 * the older. Letting the least recently used go one by one would search the front of a Map, which deleted entries fill.
 */
export class DecodedStates {
  readonly #generationBytesMax: number;
  #youngerBytes = 0;
  /** Programs of one version of one view, as models and the catalog have them, share their states. */
  readonly #views = new Map<string, ViewEntries>();
  readonly #viewOfProgram = new WeakMap<ViewProgram, ViewEntries>();
  /** Hashes of keys, each in the place that its last bits say: a key may push out another, which then counts as new. */
  readonly #askedOnce = new Uint32Array(ASKED_ONCE_MAX);

  constructor(bytesMax = DECODED_STATES_BYTES_MAX) {
    this.#generationBytesMax = bytesMax / 2;
  }

  /**
   * The state that Redis holds as `encoded`; it may be shared, so nobody may change it.
   * @throws MillraceError STATE_CORRUPT
   */
  get(program: ViewProgram, entityKey: string | null, encoded: Buffer): ViewState {
    const key = entityKey ?? '';
    const view = this.#viewOfProgram.get(program) ?? this.#viewOf(program);
    const young = view.younger.get(key);
    if (young?.encoded.equals(encoded) === true) return young.state;
    const old = young === undefined ? view.older.get(key) : undefined;
    if (old?.encoded.equals(encoded) === true) {
      this.#keep(view, key, old, young);
      return old.state;
    }
    const state = decodeState(program, encoded);
    if (young !== undefined || old !== undefined || this.#wasAskedFor(view, key)) {
      const bytes = encoded.byteLength + state.byteLength;
      // A copy: the driver's buffer may be a window on a whole reply.
      this.#keep(view, key, { encoded: Buffer.from(encoded), state, bytes }, young);
    }
    return state;
  }

  #wasAskedFor(view: ViewEntries, key: string): boolean {
    const hash = (fnv1a32(key) ^ view.salt) >>> 0;
    const place = hash & (ASKED_ONCE_MAX - 1);
    if (this.#askedOnce[place] === hash) return true;
    this.#askedOnce[place] = hash;
    return false;
  }

  #keep(view: ViewEntries, key: string, entry: Entry, replaced: Entry | undefined): void {
    view.younger.set(key, entry);
    this.#youngerBytes += entry.bytes - (replaced?.bytes ?? 0);
    if (this.#youngerBytes <= this.#generationBytesMax) return;
    for (const full of this.#views.values()) {
      full.older = full.younger;
      full.younger = new Map();
    }
    this.#youngerBytes = 0;
  }

  /** Names of views hold no slash, so no two views make one name. */
  #viewOf(program: ViewProgram): ViewEntries {
    const name = `${program.name}/${program.version}`;
    let view = this.#views.get(name);
    if (view === undefined) this.#views.set(name, (view = new ViewEntries(name)));
    this.#viewOfProgram.set(program, view);
    return view;
  }
}
