import type { ViewProgram } from '../fold/compile-view.ts';
import type { FrameHeader } from '../fold/event-frame.ts';

const INITIAL_EVENTS = 256;

/** Events of some frames, by column, with the watermarks that they lead to. Used again and again. */
export class FrameBlock {
  readonly #inputCount: number;
  keys: string[] = [];
  sourcePartitions = new Int32Array(INITIAL_EVENTS);
  sourceOffsets = new Float64Array(INITIAL_EVENTS);
  effectiveTimes = new Float64Array(INITIAL_EVENTS);
  knownTimes = new Float64Array(INITIAL_EVENTS);
  inputs: Float64Array<ArrayBuffer>;
  watermarks: Record<string, number> = {};
  newestKnownTime: number | null = null;
  /** Events up to here belong to frames that were read whole. */
  events = 0;

  constructor(program: ViewProgram) {
    this.#inputCount = program.inputCount;
    this.inputs = new Float64Array(INITIAL_EVENTS * program.inputCount);
  }

  reset(watermarks: Record<string, number>, newestKnownTime: number | null): void {
    this.keys.length = 0;
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
    const i = this.keys.length;
    if (i === this.sourceOffsets.length) this.#grow();
    this.keys.push(entityKey);
    this.sourceOffsets[i] = sourceOffset;
    this.effectiveTimes[i] = effectiveTime;
    this.knownTimes[i] = knownTime;
    const start = i * this.#inputCount;
    for (let n = 0; n < this.#inputCount; n++) this.inputs[start + n] = inputs[at + n] as number;
  };

  /** The frame was read whole. */
  closeFrame(header: FrameHeader): void {
    this.sourcePartitions.fill(header.sourcePartition, this.events, this.keys.length);
    this.events = this.keys.length;
    const seen = this.watermarks[header.sourcePartition] ?? -1;
    this.watermarks[header.sourcePartition] = Math.max(seen, header.lastOffset);
    const newest = header.newestKnownTime;
    if (Number.isFinite(newest) && (this.newestKnownTime === null || newest > this.newestKnownTime)) {
      this.newestKnownTime = newest;
    }
  }

  /** Forgets the events of a frame that was not closed. */
  dropFrame(): void {
    this.keys.length = this.events;
  }

  #grow(): void {
    const length = this.sourceOffsets.length * 2;
    const longer = (old: Float64Array<ArrayBuffer>, size: number): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(size);
      grown.set(old);
      return grown;
    };
    const partitions = new Int32Array(length);
    partitions.set(this.sourcePartitions);
    this.sourcePartitions = partitions;
    this.sourceOffsets = longer(this.sourceOffsets, length);
    this.effectiveTimes = longer(this.effectiveTimes, length);
    this.knownTimes = longer(this.knownTimes, length);
    this.inputs = longer(this.inputs, length * this.#inputCount);
  }
}
