import type { ErrorCode } from '../../src/core/error-table.ts';
import type { MadeEvent } from './event-maker.ts';

/**
 * What must become of an event: `stored` once, a dead letter of this code once a copy, or nothing at all where
 * the gateway refused it.
 */
export type Expected = 'stored' | 'refused' | ErrorCode;

export interface SentEvent {
  readonly source: string;
  readonly id: string;
  readonly expected: Expected;
  /** As it was made; of a bad message there is none. */
  readonly event: MadeEvent | undefined;
  /** Sends that Kafka or the gateway acknowledged. */
  accepted: number;
  /** Sends of any outcome. */
  attempts: number;
}

/** The sender's own books: what was sent, and what was answered. Nothing of it comes from the pipeline. */
export class SentRecord {
  readonly events = new Map<string, SentEvent>();
  readonly #stored: MadeEvent[] = [];

  /** Before the first attempt: an outcome that never comes is an attempt too. */
  attempt(source: string, id: string, expected: Expected, event?: MadeEvent): SentEvent {
    let sent = this.events.get(id);
    if (sent === undefined) {
      sent = { source, id, expected, event, accepted: 0, attempts: 0 };
      this.events.set(id, sent);
      if (event !== undefined && expected === 'stored') this.#stored.push(event);
    }
    sent.attempts++;
    return sent;
  }

  /** An event that was sent before, near the share `draw` of all. */
  earlier(draw: number): MadeEvent | undefined {
    return this.#stored[Math.floor(draw * this.#stored.length)];
  }

  count(isWanted: (event: SentEvent) => boolean): number {
    let found = 0;
    for (const event of this.events.values()) if (isWanted(event)) found++;
    return found;
  }
}
