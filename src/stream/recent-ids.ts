import type { ParsedEvent } from './parse-message.ts';

/** Whether an id was accepted within the window: `ask` where only the offline log can tell. */
export type IdAnswer = 'new' | 'duplicate' | 'ask';

/**
 * Ids that one source partition accepted of late, so that most events need no look into the offline log.
 * Two generations: when the younger one spans the window or is full, it takes the place of the older.
 */
export class RecentIds {
  readonly #windowMs: number;
  readonly #generationMax: number;
  #older = new Map<string, number>();
  #younger = new Map<string, number>();
  #olderNewest = -Infinity;
  #youngerOldest = Infinity;
  #youngerNewest = -Infinity;
  /** All accepted events known at or after it are here. */
  #completeFrom: number;

  /**
   * @param completeFrom known time, ms since the epoch, from which on `add` is told of every accepted event
   * @param idsMax ids that are kept at most
   */
  constructor(windowMs: number, completeFrom: number, idsMax: number) {
    this.#windowMs = windowMs;
    this.#completeFrom = completeFrom;
    this.#generationMax = Math.max(1, Math.floor(idsMax / 2));
  }

  has(id: string, knownTime: number): IdAnswer {
    const known = this.#younger.get(id) ?? this.#older.get(id);
    if (known !== undefined && Math.abs(known - knownTime) <= this.#windowMs) return 'duplicate';
    // Known here at another time, the id may have been accepted at a third one too.
    return known === undefined && knownTime - this.#windowMs >= this.#completeFrom ? 'new' : 'ask';
  }

  /** Takes events that the offline log has for good. */
  add(events: readonly Pick<ParsedEvent, 'id' | 'knownTime'>[]): void {
    for (const { id, knownTime } of events) {
      this.#younger.set(id, knownTime);
      if (knownTime < this.#youngerOldest) this.#youngerOldest = knownTime;
      if (knownTime > this.#youngerNewest) this.#youngerNewest = knownTime;
      const spansWindow = this.#youngerNewest - this.#youngerOldest > this.#windowMs;
      if (spansWindow || this.#younger.size >= this.#generationMax) this.#rotate();
    }
  }

  #rotate(): void {
    this.#completeFrom = Math.max(this.#completeFrom, this.#olderNewest + 1);
    this.#older = this.#younger;
    this.#olderNewest = this.#youngerNewest;
    this.#younger = new Map();
    this.#youngerOldest = Infinity;
    this.#youngerNewest = -Infinity;
  }
}
