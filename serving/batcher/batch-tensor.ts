import { assertInvariant } from '../../src/core/assert-invariant.ts';
import type { RowsTrace } from '../request-trace.ts';
import type { PendingRequest } from './pending-request.ts';

/** Writes row `row` of a request at index `at` of the batch tensor. */
export type WriteRow = (row: number, out: Float32Array, at: number) => void;

interface Segment {
  readonly request: PendingRequest;
  /** Index, in the request, of the segment's first row. */
  readonly firstRow: number;
  readonly rows: number;
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

  /** The rows that are filled: a view, not a copy. */
  get features(): Float32Array {
    return this.#features.subarray(0, this.#rows * this.#columns);
  }

  /** Traces of the requests in it that are recorded. */
  get traces(): RowsTrace[] {
    return this.#segments.flatMap(({ request }) => request.trace ?? []);
  }

  /** Takes rows of a request; none of them where writing one throws. */
  append(request: PendingRequest, firstRow: number, rows: number): void {
    assertInvariant(rows <= this.free, `a segment of ${rows} rows fits a batch with ${this.free} free`);
    for (let i = 0; i < rows; i++) request.write(firstRow + i, this.#features, (this.#rows + i) * this.#columns);
    this.#segments.push({ request, firstRow, rows });
    this.#rows += rows;
  }

  /** Drops the rows of requests that are settled already, and closes the gaps. */
  compact(): void {
    let from = 0;
    let to = 0;
    const kept: Segment[] = [];
    for (const segment of this.#segments) {
      if (!segment.request.settled) {
        if (from !== to) {
          this.#features.copyWithin(to * this.#columns, from * this.#columns, (from + segment.rows) * this.#columns);
        }
        kept.push(segment);
        to += segment.rows;
      }
      from += segment.rows;
    }
    this.#segments = kept;
    this.#rows = to;
  }

  settle(scores: Float32Array, computeMs: number): void {
    assertInvariant(scores.length === this.#rows, `${scores.length} scores answer ${this.#rows} rows`);
    let at = 0;
    for (const segment of this.#segments) {
      segment.request.receive(segment.firstRow, scores.subarray(at, at + segment.rows), computeMs);
      at += segment.rows;
    }
  }

  /** Fails the requests that have rows in it, and answers them. */
  fail(error: unknown): PendingRequest[] {
    const requests = this.#segments.map(({ request }) => request);
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
}
