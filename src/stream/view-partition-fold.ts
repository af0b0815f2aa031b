import { isMillraceError } from '../core/millrace-error.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import { readFrame, type FrameHeader } from '../fold/event-frame.ts';
import { applyEvent } from '../fold/view-state.ts';
import type { OnlineStore } from '../store/online-store.ts';
import { StateCache, type StateCacheLimits } from '../store/state-cache.ts';
import { decodePosition, encodePosition, type ViewPosition } from '../store/view-position.ts';
import type { Failpoints } from './failpoints.ts';
import { EFFECTIVE_TIME, FrameBlock, INPUTS, KNOWN_TIME, SOURCE_OFFSET, SOURCE_PARTITION } from './frame-block.ts';

export interface FrameMessage {
  readonly offset: number;
  readonly value: Uint8Array | null;
}

/**
 * What became of some frames. `folded`: Redis has them; `held`: only memory has, until a later call or `flush`.
 * `refused`: the position in Redis is not the one that this member wrote.
 * `gap`: events are missing before a frame, or a state can't be read: only the offline log can help.
 */
export type FoldOutcome = 'folded' | 'held' | 'refused' | 'gap';

/**
 * Bounds of what one write to Redis makes visible. States, not events, are what a write costs: a member that lags
 * folds many events of a key and writes its state once.
 */
export interface WriteLimits {
  readonly eventsMax: number;
  readonly statesMax: number;
  /** Of frames that are read at a time. */
  readonly frameBytesMax: number;
  /** How long a member that lags may hold what it has folded. */
  readonly holdMsMax: number;
}

export const writeLimitsDefault: WriteLimits = { eventsMax: 100_000, statesMax: 5_000, frameBytesMax: 4 * 1_048_576, holdMsMax: 2_000 };

export interface ViewPartitionFoldOptions {
  readonly cacheLimits: StateCacheLimits;
  readonly writeLimits?: WriteLimits;
  readonly failpoints: Failpoints;
  /** Called after each write, with the append time of the oldest frames in it, ms since the epoch; NaN where it is unknown. */
  readonly onVisible?: (oldestAppendTime: number) => void;
}

/** What a caller knows of the frames that it brings. */
export interface FrameArrival {
  /** Many more are known to follow at once: what is folded may be held, and written with them. */
  readonly isBehind: boolean;
  /** Of the first frame, ms since the epoch; NaN where it is unknown. */
  readonly appendTime: number;
}

/** The fold of one partition of one view: states in memory, written with the position they belong to. */
export class ViewPartitionFold {
  readonly program: ViewProgram;
  readonly partition: number;
  readonly #store: OnlineStore;
  readonly #options: ViewPartitionFoldOptions;
  readonly #limits: WriteLimits;
  readonly #cache: StateCache;
  readonly #block: FrameBlock;
  /** Of the states in memory; Redis' own is `#text`. */
  #position: ViewPosition | undefined;
  #text = '';
  /** Events that only memory has, since when (performance.now()), and the append time of the oldest frames that have them. */
  #heldEvents = 0;
  #heldSince = 0;
  #heldAppendTime = NaN;
  /** Grows with each change: tells a checker that what it read is old. */
  #epoch = 0;
  #busy = false;
  #flushing: Promise<void> | undefined;

  constructor(
    program: ViewProgram,
    partition: number,
    store: OnlineStore,
    options: ViewPartitionFoldOptions,
  ) {
    this.program = program;
    this.partition = partition;
    this.#store = store;
    this.#options = options;
    this.#limits = options.writeLimits ?? writeLimitsDefault;
    this.#cache = new StateCache(program, options.cacheLimits);
    this.#block = new FrameBlock(program);
  }

  /** Position of what was folded: Redis', read once until `reset`, and what is held beyond it. */
  async position(): Promise<ViewPosition> {
    while (this.#position === undefined) {
      const epoch = this.#epoch;
      const text = await this.#store.readPositionText(this.program, this.partition);
      // Whoever asked at the same time may have written since.
      if (this.#epoch !== epoch || this.#position !== undefined) continue;
      this.#text = text;
      this.#position = decodePosition(text);
    }
    return this.#position;
  }

  /** Forgets all that is in memory. */
  reset(): void {
    this.#position = undefined;
    this.#heldEvents = 0;
    this.#cache.clear();
    this.#epoch++;
  }

  /** For a checker: what Redis should hold, or undefined while it may be changing. */
  async resting(): Promise<{ text: string; position: ViewPosition; epoch: number } | undefined> {
    if (this.#busy || this.#heldEvents > 0) return undefined;
    await this.position();
    if (this.#busy || this.#heldEvents > 0 || this.#position === undefined) return undefined;
    return { text: this.#text, position: this.#position, epoch: this.#epoch };
  }

  isAt(epoch: number): boolean {
    return !this.#busy && this.#epoch === epoch;
  }

  /**
   * Folds frames that follow the position, in as few writes as the bounds allow.
   * @throws MillraceError STORE_UNAVAILABLE; memory is then forgotten, since the write may have happened
   */
  async fold(messages: readonly FrameMessage[], { isBehind, appendTime }: FrameArrival): Promise<FoldOutcome> {
    await this.#flushing;
    return this.#exclusively(async () => {
      for (let at = 0; at < messages.length;) {
        const { next, isGap } = await this.#gather(messages, at);
        if (next > at && !(await this.#absorb((messages[next - 1] as FrameMessage).offset, appendTime))) return 'refused';
        if (isGap) return (await this.#writeHeld()) ? 'gap' : 'refused';
        at = next;
      }
      if (isBehind && !this.#isHeldTooLong()) return 'held';
      return (await this.#writeHeld()) ? 'folded' : 'refused';
    });
  }

  /**
   * Writes what is held: the frames that were to follow at once may not come. Where Redis refuses it, it is forgotten.
   * @throws MillraceError STORE_UNAVAILABLE
   */
  async flush(): Promise<void> {
    if (this.#busy || this.#heldEvents === 0 || !this.#isHeldTooLong()) return;
    const flushed = this.#exclusively(async () => ((await this.#writeHeld()) ? 'folded' : 'refused'));
    this.#flushing = flushed.then(() => undefined, () => undefined);
    await flushed;
  }

  #isHeldTooLong(): boolean {
    return performance.now() - this.#heldSince >= this.#limits.holdMsMax;
  }

  async #exclusively(work: () => Promise<FoldOutcome>): Promise<FoldOutcome> {
    this.#busy = true;
    try {
      return await work();
    } catch (error) {
      this.reset();
      if (isMillraceError(error) && error.code === 'STATE_CORRUPT') return 'gap';
      throw error;
    } finally {
      this.#busy = false;
    }
  }

  /** Decodes frames from `from` on into the block, until it is full, the messages end or events are missing. */
  async #gather(messages: readonly FrameMessage[], from: number): Promise<{ next: number; isGap: boolean }> {
    const position = await this.position();
    const block = this.#block;
    block.reset({ ...position.watermarks }, position.newestKnownTime);
    let bytes = 0;
    for (let at = from; at < messages.length; at++) {
      const { value } = messages[at] as FrameMessage;
      if (value === null) continue;
      const header = this.#read(value);
      // A frame that can't be read is left out; its events are then missed by the next of its source partition.
      if (header === undefined) continue;
      const seen = block.watermarks[header.sourcePartition] ?? -1;
      if (header.firstOffset > seen + 1) {
        block.dropFrame();
        return { next: at, isGap: true };
      }
      block.closeFrame(header);
      bytes += value.byteLength;
      const isFull =
        block.events >= this.#limits.eventsMax ||
        block.keys.length >= this.#limits.statesMax ||
        bytes >= this.#limits.frameBytesMax;
      if (isFull) return { next: at + 1, isGap: false };
    }
    return { next: messages.length, isGap: false };
  }

  #read(value: Uint8Array): FrameHeader | undefined {
    try {
      return readFrame(this.program, value, this.#block.keyIds, this.#block.add);
    } catch (error) {
      this.#block.dropFrame();
      if (isMillraceError(error)) return undefined;
      throw error;
    }
  }

  /** Applies the block to the states in memory, and writes those that are held where both would be too many at once; false where Redis refuses it. */
  async #absorb(viewOffset: number, appendTime: number): Promise<boolean> {
    const block = this.#block;
    const isTooMuch = this.#heldEvents + block.events > this.#limits.eventsMax || this.#cache.dirtyCount + block.keys.length > this.#limits.statesMax;
    if (isTooMuch && !(await this.#writeHeld())) return false;
    const before = this.#position as ViewPosition;
    await this.#cache.load(this.#store, block.keys, () => true);
    this.#apply();
    this.#position = {
      viewOffset: Math.max(viewOffset, before.viewOffset),
      watermarks: block.watermarks,
      newestKnownTime: block.newestKnownTime,
    };
    if (this.#heldEvents === 0) {
      this.#heldSince = performance.now();
      this.#heldAppendTime = appendTime;
    }
    // Frames without events of these keys move the position too.
    this.#heldEvents += Math.max(1, block.events);
    this.#epoch++;
    return true;
  }

  /** Writes the states that changed with the position they belong to; false where Redis refuses it. */
  async #writeHeld(): Promise<boolean> {
    if (this.#heldEvents === 0) return true;
    const text = encodePosition(this.#position as ViewPosition);
    await this.#options.failpoints.beforeStatesWritten?.();
    const written = await this.#store.writePartition(this.program, this.partition, {
      expected: this.#text,
      position: text,
      states: this.#cache.encodeDirty(),
    });
    await this.#options.failpoints.afterStatesWritten?.();
    if (!written) {
      this.reset();
      return false;
    }
    this.#cache.clean();
    this.#heldEvents = 0;
    this.#options.onVisible?.(this.#heldAppendTime);
    this.#text = text;
    this.#epoch++;
    return true;
  }

  /** Applies the block to the states in memory, key by key. */
  #apply(): void {
    const block = this.#block;
    const { rows, rowLength } = block;
    const { starts, members } = block.byKey();
    for (let k = 0; k < block.keys.length; k++) {
      const key = block.keys[k] as string;
      const state = this.#cache.get(key);
      if (state === undefined) continue;
      let isChanged = false;
      for (let m = starts[k] as number; m < (starts[k + 1] as number); m++) {
        const row = (members[m] as number) * rowLength;
        const applied = applyEvent(
          this.program,
          state,
          rows[row + SOURCE_PARTITION] as number,
          rows[row + SOURCE_OFFSET] as number,
          rows[row + EFFECTIVE_TIME] as number,
          rows[row + KNOWN_TIME] as number,
          rows,
          row + INPUTS,
        );
        isChanged ||= applied;
      }
      if (isChanged) this.#cache.markDirty(key);
    }
  }
}
