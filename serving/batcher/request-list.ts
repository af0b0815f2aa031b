import type { PendingRequest } from './pending-request.ts';

/** Requests in the order of their turns: a linked list through them, so that any of them leaves at once. */
export class RequestList {
  #first: PendingRequest | null = null;
  #last: PendingRequest | null = null;

  get first(): PendingRequest | null {
    return this.#first;
  }

  get last(): PendingRequest | null {
    return this.#last;
  }

  append(request: PendingRequest): void {
    request.before = this.#last;
    request.after = null;
    if (this.#last === null) this.#first = request;
    else this.#last.after = request;
    this.#last = request;
  }

  remove(request: PendingRequest): void {
    const { before, after } = request;
    if (before === null) this.#first = after;
    else before.after = after;
    if (after === null) this.#last = before;
    else after.before = before;
    request.before = null;
    request.after = null;
  }
}
