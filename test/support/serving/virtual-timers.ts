import { setImmediate as turn } from 'node:timers/promises';
import type { Timers } from '../../../serving/batcher/timers.ts';

interface Event {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Time that only moves when told, one event after the other. */
export class VirtualTimers implements Timers {
  #now = 0;
  #order = 0;
  #events: Event[] = [];

  now(): number {
    return this.#now;
  }

  soon(callback: () => void): void {
    this.after(0, callback);
  }

  after(delayMs: number, callback: () => void): () => void {
    const event = { at: this.#now + delayMs, order: this.#order++, callback };
    this.#events.push(event);
    return () => {
      this.#events = this.#events.filter((other) => other !== event);
    };
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  /** Runs every event up to the moment, promises in between included. */
  async runUntil(at: number): Promise<void> {
    for (;;) {
      await turn();
      const next = this.#events.toSorted((a, b) => a.at - b.at || a.order - b.order)[0];
      if (next === undefined || next.at > at) break;
      this.#events = this.#events.filter((event) => event !== next);
      this.#now = next.at;
      next.callback();
    }
    this.#now = Math.max(this.#now, at);
  }
}
