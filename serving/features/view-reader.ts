import { MillraceError } from '../../src/core/millrace-error.ts';
import type { ViewProgram } from '../../src/fold/compile-view.ts';
import type { ViewState } from '../../src/fold/view-state.ts';
import { DecodedStates } from './decoded-states.ts';
import type { OnlineStore } from '../../src/store/online-store.ts';

export interface StateRequest {
  readonly program: ViewProgram;
  /** Null where the request has no key for the view: there is no state then. */
  readonly entityKey: string | null;
}

/** Keys of one round trip; a caller's keys are never split. */
const KEYS_PER_READ_MAX = 4_096;
const KEYS_WAITING_MAX = 65_536;

interface Caller {
  readonly requests: readonly StateRequest[];
  readonly resolve: (states: (ViewState | null)[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Reads view states for many requests in one round trip: those of one turn of the event loop, and
 * those that came while the last round trip was under way. A key that several ask for is read and
 * decoded once, and not at all while its bytes are those of the last time, so the states are shared: nobody
 * may change them.
 */
export class ViewReader {
  readonly #store: Pick<OnlineStore, 'readStates'>;
  readonly #decoded = new DecodedStates();
  #callers: Caller[] = [];
  #keysWaiting = 0;
  #reading = false;
  #scheduled = false;

  constructor(store: Pick<OnlineStore, 'readStates'>) {
    this.#store = store;
  }

  /** @throws STORE_UNAVAILABLE, SERVING_OVERLOADED */
  read(requests: readonly StateRequest[]): Promise<(ViewState | null)[]> {
    if (requests.length === 0) return Promise.resolve([]);
    if (this.#keysWaiting + requests.length > KEYS_WAITING_MAX) {
      return Promise.reject(
        new MillraceError(
          'SERVING_OVERLOADED',
          `Features were not read: ${this.#keysWaiting} keys wait for Redis and at most ${KEYS_WAITING_MAX} may. Try again in 1 s.`,
          { details: { retryAfterSeconds: 1 } },
        ),
      );
    }
    this.#keysWaiting += requests.length;
    const states = new Promise<(ViewState | null)[]>((resolve, reject) => {
      this.#callers.push({ requests, resolve, reject });
    });
    this.#schedule();
    return states;
  }

  #schedule(): void {
    if (this.#reading || this.#scheduled || this.#callers.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      void this.#readNext();
    });
  }

  async #readNext(): Promise<void> {
    const callers = this.#takeCallers();
    this.#reading = true;
    try {
      const distinct = new DistinctRequests();
      const places = callers.map((caller) => caller.requests.map((request) => distinct.placeOf(request)));
      const bytes = await this.#store.readStates(distinct.requests);
      const decoded = new Array<ViewState | null | undefined>(bytes.length);
      callers.forEach((caller, i) => {
        try {
          caller.resolve(this.#statesAt(places[i]!, distinct.requests, bytes, decoded));
        } catch (error) {
          // A corrupt state fails those who asked for it, not those who shared the round trip.
          caller.reject(error);
        }
      });
    } catch (error) {
      for (const caller of callers) caller.reject(error);
    } finally {
      this.#reading = false;
      this.#schedule();
    }
  }

  /** @param decoded by place what was decoded for an earlier caller of the round trip */
  #statesAt(
    places: readonly number[],
    requests: readonly StateRequest[],
    bytes: readonly (Buffer | null)[],
    decoded: (ViewState | null | undefined)[],
  ): (ViewState | null)[] {
    const states = new Array<ViewState | null>(places.length);
    for (let i = 0; i < places.length; i++) {
      const place = places[i]!;
      let state = decoded[place];
      if (state === undefined) {
        const { program, entityKey } = requests[place]!;
        const found = bytes[place] ?? null;
        decoded[place] = state = found === null ? null : this.#decoded.get(program, entityKey, found);
      }
      states[i] = state;
    }
    return states;
  }

  #takeCallers(): Caller[] {
    let keys = 0;
    let count = 0;
    for (const { requests } of this.#callers) {
      if (count > 0 && keys + requests.length > KEYS_PER_READ_MAX) break;
      keys += requests.length;
      count++;
    }
    this.#keysWaiting -= keys;
    return this.#callers.splice(0, count);
  }
}

class DistinctRequests {
  readonly requests: StateRequest[] = [];
  readonly #places = new Map<StateRequest['program'], Map<string | null, number>>();

  placeOf(request: StateRequest): number {
    let keys = this.#places.get(request.program);
    if (keys === undefined) {
      keys = new Map<string | null, number>();
      this.#places.set(request.program, keys);
    }
    let place = keys.get(request.entityKey);
    if (place === undefined) {
      place = this.requests.push(request) - 1;
      keys.set(request.entityKey, place);
    }
    return place;
  }
}
