import { assertInvariant } from '../../src/core/assert-invariant.ts';
import type { RowsTrace } from '../request-trace.ts';
import type { PendingRequest } from './pending-request.ts';

interface Segment {
  readonly request: PendingRequest;
  /** Index, in the request, of the segment's first row. */
  readonly firstRow: number;
  readonly rows: number;
  /** Where its rows begin in the batch. */
  readonly at: number;
}

/** Some neighbouring segments of a batch, by index. */
export interface Part {
  readonly from: number;
  readonly to: number;
}

/**
 * One pre-allocated batch: rows of several requests side by side, each written straight to its
 * place, and whose they are. Reused from batch to batch.
 */
export class BatchTensor {
  readonly capacity: number;
  readonly #columns: number;
  readonly #features: Float32Array;
  #segments: Segment[] = [];
  #rows = 0;

  constructor(capacity: number, columns: number) {
    this.capacity = capacity;
    this.#columns = columns;
    this.#features = new Float32Array(capacity * columns);
  }

  get rows(): number {
    return this.#rows;
  }

  get free(): number {
    return this.capacity - this.#rows;
  }

  get whole(): Part {
    return { from: 0, to: this.#segments.length };
  }

  rowsOf(part: Part): number {
    return this.#segmentsOf(part).reduce((sum, { rows }) => sum + rows, 0);
  }

  /** The rows of a part that has some: a view, not a copy. */
  featuresOf(part: Part): Float32Array {
    const { at } = this.#segments[part.from]!;
    return this.#features.subarray(at * this.#columns, (at + this.rowsOf(part)) * this.#columns);
  }

  /** Traces of the requests in a part that are recorded. */
  tracesOf(part: Part): RowsTrace[] {
    return this.#segmentsOf(part).flatMap(({ request }) => request.trace ?? []);
  }

  /** Takes rows of a request; none of them where writing one throws. */
  append(request: PendingRequest, firstRow: number, rows: number): void {
    assertInvariant(rows <= this.free, `a segment of ${rows} rows fits a batch with ${this.free} free`);
    for (let i = 0; i < rows; i++) request.write(firstRow + i, this.#features, (this.#rows + i) * this.#columns);
    this.#segments.push({ request, firstRow, rows, at: this.#rows });
    this.#rows += rows;
  }

  /** Leaves out what is settled already of a part, and closes the gaps; no other part moves. @returns what is left of it */
  compact(part: Part): Part {
    const segments = this.#segmentsOf(part);
    if (segments.every(isOpen)) return part;
    const open = segments.filter(isOpen);
    const settled = segments.filter((segment) => !isOpen(segment));
    let to = segments[0]!.at;
    const moved = open.map((segment) => {
      const at = to;
      this.#features.copyWithin(at * this.#columns, segment.at * this.#columns, (segment.at + segment.rows) * this.#columns);
      to += segment.rows;
      return { ...segment, at };
    });
    this.#segments.splice(part.from, segments.length, ...moved, ...settled);
    return { from: part.from, to: part.from + open.length };
  }

  settle(part: Part, scores: Float32Array, startedAt: number, endedAt: number): void {
    const rows = this.rowsOf(part);
    assertInvariant(scores.length === rows, `${scores.length} scores answer ${rows} rows`);
    let at = 0;
    for (const segment of this.#segmentsOf(part)) {
      segment.request.receive(segment.firstRow, scores.subarray(at, at + segment.rows), startedAt, endedAt);
      at += segment.rows;
    }
  }

  /** Fails the requests that have rows in a part, and answers them. */
  fail(part: Part, error: unknown): PendingRequest[] {
    const requests = this.#segmentsOf(part).map(({ request }) => request);
    for (const request of requests) request.fail(error);
    return requests;
  }

  /** Fails what is past its deadline; answers the earliest deadline of the rest. */
  expire(now: number, error: () => unknown): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const { request } of this.#segments) {
      if (request.settled) continue;
      if (request.deadline <= now) request.fail(error());
      else earliest = Math.min(earliest, request.deadline);
    }
    return earliest;
  }

  clear(): void {
    this.#segments = [];
    this.#rows = 0;
  }

  #segmentsOf({ from, to }: Part): readonly Segment[] {
    return from === 0 && to === this.#segments.length ? this.#segments : this.#segments.slice(from, to);
  }
}

const isOpen = ({ request }: Segment): boolean => !request.settled;
