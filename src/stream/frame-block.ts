import type { ViewProgram } from '../fold/compile-view.ts';
import type { FrameHeader } from '../fold/event-frame.ts';

const INITIAL_EVENTS = 256;

/** Events of some frames, by column, with the watermarks that they lead to. Used again and again. */
export class FrameBlock {
  readonly #inputCount: number;
  /** Entity keys, each once. */
  readonly keys: string[] = [];
  /** Index in `keys`, by event. */
  keyIds = new Int32Array(INITIAL_EVENTS);
  sourcePartitions = new Int32Array(INITIAL_EVENTS);
  sourceOffsets = new Float64Array(INITIAL_EVENTS);
  effectiveTimes = new Float64Array(INITIAL_EVENTS);
  knownTimes = new Float64Array(INITIAL_EVENTS);
  inputs: Float64Array<ArrayBuffer>;
  watermarks: Record<string, number> = {};
  newestKnownTime: number | null = null;
  /** Events up to here belong to frames that were read whole. */
  events = 0;
  readonly #idOfKey = new Map<string, number>();
  /** Events so far, those of the frame in hand included. */
  #added = 0;

  constructor(program: ViewProgram) {
    this.#inputCount = program.inputCount;
    this.inputs = new Float64Array(INITIAL_EVENTS * program.inputCount);
  }

  reset(watermarks: Record<string, number>, newestKnownTime: number | null): void {
    this.keys.length = 0;
    this.#idOfKey.clear();
    this.#added = 0;
    this.events = 0;
    this.watermarks = watermarks;
    this.newestKnownTime = newestKnownTime;
  }

  /** Takes one event of the frame that is being read. */
  readonly add = (
    entityKey: string,
    sourceOffset: number,
    effectiveTime: number,
    knownTime: number,
    inputs: Float64Array,
    at: number,
  ): void => {
    const i = this.#added++;
    if (i === this.sourceOffsets.length) this.#grow();
    let id = this.#idOfKey.get(entityKey);
    if (id === undefined) {
      id = this.keys.push(entityKey) - 1;
      this.#idOfKey.set(entityKey, id);
    }
    this.keyIds[i] = id;
    this.sourceOffsets[i] = sourceOffset;
    this.effectiveTimes[i] = effectiveTime;
    this.knownTimes[i] = knownTime;
    const start = i * this.#inputCount;
    for (let n = 0; n < this.#inputCount; n++) this.inputs[start + n] = inputs[at + n] as number;
  };

  /** The frame was read whole. */
  closeFrame(header: FrameHeader): void {
    for (let i = this.events; i < this.#added; i++) this.sourcePartitions[i] = header.sourcePartition;
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
    for (let i = 0; i < this.events; i++) starts[this.keyIds[i]! + 1]! += 1;
    for (let key = 0; key < this.keys.length; key++) starts[key + 1]! += starts[key]!;
    const next = starts.slice();
    const members = new Uint32Array(this.events);
    for (let i = 0; i < this.events; i++) members[next[this.keyIds[i]!]!++] = i;
    return { starts, members };
  }

  #grow(): void {
    const length = this.sourceOffsets.length * 2;
    const longer = (old: Float64Array<ArrayBuffer>, size: number): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(size);
      grown.set(old);
      return grown;
    };
    const longerInts = (old: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
      const grown = new Int32Array(length);
      grown.set(old);
      return grown;
    };
    this.sourcePartitions = longerInts(this.sourcePartitions);
    this.keyIds = longerInts(this.keyIds);
    this.sourceOffsets = longer(this.sourceOffsets, length);
    this.effectiveTimes = longer(this.effectiveTimes, length);
    this.knownTimes = longer(this.knownTimes, length);
    this.inputs = longer(this.inputs, length * this.#inputCount);
  }
}
