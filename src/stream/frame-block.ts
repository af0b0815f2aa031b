import { longerArray } from '../core/longer-array.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import type { FrameHeader } from '../fold/event-frame.ts';
import { TextIds } from '../fold/text-ids.ts';

const EVENTS_MIN = 256;
/** What a row has before its inputs. */
export const SOURCE_PARTITION = 0;
export const SOURCE_OFFSET = 1;
export const EFFECTIVE_TIME = 2;
export const KNOWN_TIME = 3;
export const INPUTS = 4;

/** Events of some frames, a row each, with the watermarks that they lead to. Used again and again. */
export class FrameBlock {
  /** Numbers the entity keys of the frames; known from one block to the next. */
  readonly keyIds = new TextIds();
  /** Entity keys of the block, each once. */
  readonly keys: string[] = [];
  readonly rowLength: number;
  /** A row by event, so that whoever takes the events by key finds one in one or two cache lines. */
  rows: Float64Array<ArrayBuffer>;
  watermarks: Record<string, number> = {};
  newestKnownTime: number | null = null;
  /** Events up to here belong to frames that were read whole. */
  events = 0;
  /** Index in `keys`, by event. */
  #places = new Int32Array(EVENTS_MIN);
  /** Number of each of `keys`, and the reverse: index in `keys` plus one, 0 where the block has no such key. */
  readonly #idOfPlace: number[] = [];
  #placeOfId = new Int32Array(EVENTS_MIN);
  /** Events so far, those of the frame in hand included. */
  #added = 0;

  constructor(program: ViewProgram) {
    this.rowLength = INPUTS + program.inputCount;
    this.rows = new Float64Array(EVENTS_MIN * this.rowLength);
  }

  reset(watermarks: Record<string, number>, newestKnownTime: number | null): void {
    for (const id of this.#idOfPlace) this.#placeOfId[id] = 0;
    this.#idOfPlace.length = 0;
    this.keys.length = 0;
    if (this.keyIds.isFull) this.keyIds.clear();
    this.#added = 0;
    this.events = 0;
    this.watermarks = watermarks;
    this.newestKnownTime = newestKnownTime;
  }

  /** Takes one event of the frame that is being read. */
  readonly add = (
    keyId: number,
    sourceOffset: number,
    effectiveTime: number,
    knownTime: number,
    inputs: Float64Array,
    at: number,
  ): void => {
    const i = this.#added++;
    if (i === this.#places.length) this.#grow();
    this.#places[i] = this.#placeOf(keyId);
    const { rows, rowLength } = this;
    const row = i * rowLength;
    rows[row + SOURCE_OFFSET] = sourceOffset;
    rows[row + EFFECTIVE_TIME] = effectiveTime;
    rows[row + KNOWN_TIME] = knownTime;
    for (let n = INPUTS; n < rowLength; n++) rows[row + n] = inputs[at + n - INPUTS] as number;
  };

  /** The frame was read whole. */
  closeFrame(header: FrameHeader): void {
    for (let i = this.events; i < this.#added; i++) this.rows[i * this.rowLength + SOURCE_PARTITION] = header.sourcePartition;
    this.events = this.#added;
    const seen = this.watermarks[header.sourcePartition] ?? -1;
    this.watermarks[header.sourcePartition] = Math.max(seen, header.lastOffset);
    const newest = header.newestKnownTime;
    if (Number.isFinite(newest) && (this.newestKnownTime === null || newest > this.newestKnownTime)) {
      this.newestKnownTime = newest;
    }
  }

  /** Forgets the events of a frame that was not closed; keys that only it has stay, without events. */
  dropFrame(): void {
    this.#added = this.events;
  }

  /**
   * The events key by key, in their order within each: those of key k are members[starts[k]] to
   * members[starts[k + 1] - 1]. The state of a key then comes into the processor's cache once a block.
   */
  byKey(): { readonly starts: Uint32Array; readonly members: Uint32Array } {
    const starts = new Uint32Array(this.keys.length + 1);
    for (let i = 0; i < this.events; i++) starts[this.#places[i]! + 1]! += 1;
    for (let key = 0; key < this.keys.length; key++) starts[key + 1]! += starts[key]!;
    const next = starts.slice();
    const members = new Uint32Array(this.events);
    for (let i = 0; i < this.events; i++) members[next[this.#places[i]!]!++] = i;
    return { starts, members };
  }

  #placeOf(keyId: number): number {
    if (keyId >= this.#placeOfId.length) this.#placeOfId = longerArray(this.#placeOfId, 2 * (keyId + 1));
    const place = this.#placeOfId[keyId]! - 1;
    if (place >= 0) return place;
    this.#placeOfId[keyId] = this.keys.push(this.keyIds.textOf(keyId));
    this.#idOfPlace.push(keyId);
    return this.keys.length - 1;
  }

  #grow(): void {
    const length = this.#places.length * 2;
    this.#places = longerArray(this.#places, length);
    this.rows = longerArray(this.rows, length * this.rowLength);
  }
}
