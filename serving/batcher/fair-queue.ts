import type { PendingRequest } from './pending-request.ts';
import { priorities, priorityWeights, type Priority } from './priority.ts';
import { RequestList } from './request-list.ts';

/** A long request gives its turn up after this part of a batch, so that short ones of its level come between. */
const TURNS_PER_BATCH = 4;
/** A multiple of every weight: passes are whole numbers. */
const PASS_UNIT = 16;

interface Level {
  readonly priority: Priority;
  /** What a row adds to the pass: the smaller, the more rows. */
  readonly stride: number;
  readonly requests: RequestList;
  count: number;
  rows: number;
  pass: number;
  /** Rows that the first request has had of its turn. */
  turnRows: number;
}

/** Takes some rows of a request. */
export type Place = (request: PendingRequest, firstRow: number, rows: number) => void;

/**
 * Rows that wait, by priority. Levels share by stride scheduling (Waldspurger and Weihl, 1995): the next row is of the level
 * with the least pass, the higher one where two are equal, and adds the level's stride to it; a level that had nothing to
 * wait for comes in at the present pass, without credit. Within a level requests take turns of a quarter of a batch, in the
 * order in which they came. So with all levels waiting, of any 21 rows about 16 are high, 4 normal and 1 low, and nothing waits
 * for ever.
 */
export class FairQueue {
  readonly #levels: readonly Level[] = priorities.map((priority) => ({
    priority,
    stride: PASS_UNIT / priorityWeights[priority],
    requests: new RequestList(),
    count: 0,
    rows: 0,
    pass: 0,
    turnRows: 0,
  }));
  readonly #turnRowsMax: number;
  #pass = 0;
  #rows = 0;

  constructor(batchRowsMax: number) {
    this.#turnRowsMax = Math.max(1, Math.floor(batchRowsMax / TURNS_PER_BATCH));
  }

  get rows(): number {
    return this.#rows;
  }

  rowsOf(priority: Priority): number {
    return this.#level(priority).rows;
  }

  /** About how many rows are taken until `rows` more of a level are, at most: all that it lets go first, and its own. */
  rowsUntil(priority: Priority, rows: number): number {
    const level = this.#level(priority);
    const turns = Math.ceil(rows / this.#turnRowsMax);
    const own = rows + Math.min(level.rows, level.count * turns * this.#turnRowsMax);
    const others = this.#levels.filter((other) => other !== level);
    return others.reduce((sum, other) => sum + Math.min(other.rows, Math.ceil((own * level.stride) / other.stride)), own);
  }

  /** The request of a level whose turn comes last. */
  lastOf(priority: Priority): PendingRequest | null {
    return this.#level(priority).requests.last;
  }

  *[Symbol.iterator](): Generator<PendingRequest> {
    for (const { requests } of this.#levels) {
      for (let request = requests.first; request !== null; ) {
        const { after } = request;
        yield request;
        request = after;
      }
    }
  }

  push(request: PendingRequest): void {
    const level = this.#level(request.priority);
    if (level.rows === 0) level.pass = Math.max(level.pass, this.#pass);
    level.requests.append(request);
    level.count++;
    level.rows += request.rowsWaiting;
    this.#rows += request.rowsWaiting;
    request.queued = true;
  }

  /** Takes out what still waits of a request; one that is not there is no matter. */
  remove(request: PendingRequest): void {
    if (!request.queued) return;
    const level = this.#level(request.priority);
    if (level.requests.first === request) level.turnRows = 0;
    level.requests.remove(request);
    level.count--;
    level.rows -= request.rowsWaiting;
    this.#rows -= request.rowsWaiting;
    request.queued = false;
  }

  /**
   * Takes up to `rowsMax` rows in the order that is due.
   * @param isHopeless of a request whose turn it is: it leaves the queue instead, and is answered in the list
   */
  take(rowsMax: number, place: Place, isHopeless: (request: PendingRequest) => boolean): PendingRequest[] {
    const passedOver: PendingRequest[] = [];
    for (let left = rowsMax; left > 0 && this.#rows > 0; ) {
      const level = this.#due();
      const request = level.requests.first as PendingRequest;
      if (isHopeless(request)) {
        this.remove(request);
        passedOver.push(request);
        continue;
      }
      const count = Math.min(left, request.rowsWaiting, this.#turnRowsMax - level.turnRows, this.#rowsBeforeOthers(level));
      const firstRow = request.nextRow;
      this.#charge(level, request, count);
      place(request, firstRow, count);
      left -= count;
    }
    return passedOver;
  }

  #level(priority: Priority): Level {
    return this.#levels[priorities.indexOf(priority)] as Level;
  }

  /** The level whose row is next; there is one. */
  #due(): Level {
    let due: Level | undefined;
    for (const level of this.#levels) {
      if (level.rows > 0 && (due === undefined || level.pass < due.pass)) due = level;
    }
    return due as Level;
  }

  /** Rows that are due of a level before one of another is. */
  #rowsBeforeOthers(level: Level): number {
    let count = Infinity;
    let isHigher = false;
    for (const other of this.#levels) {
      if (other === level) {
        isHigher = true;
        continue;
      }
      if (other.rows === 0) continue;
      const ahead = (other.pass - level.pass) / level.stride;
      count = Math.min(count, isHigher ? Math.floor(ahead) + 1 : Math.ceil(ahead));
    }
    return count;
  }

  #charge(level: Level, request: PendingRequest, count: number): void {
    this.#pass = level.pass + (count - 1) * level.stride;
    level.pass += count * level.stride;
    level.rows -= count;
    this.#rows -= count;
    request.nextRow += count;
    level.turnRows += count;
    if (request.rowsWaiting > 0 && level.turnRows < this.#turnRowsMax) return;
    level.turnRows = 0;
    level.requests.remove(request);
    if (request.rowsWaiting > 0) {
      level.requests.append(request);
    } else {
      level.count--;
      request.queued = false;
    }
  }
}
