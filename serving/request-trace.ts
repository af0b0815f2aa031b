import type { TraceContext } from '../src/infra/trace-context.ts';
import type { Span, SpanAttributes, Tracer } from '../src/infra/tracing.ts';

/** A model version, as far as a span tells of it. */
interface TracedVersion {
  readonly version: number;
  readonly signature: { readonly model: string };
}

/** The trace of one request that is recorded. Requests that are not have none, and pay nothing for it. */
export class RequestTrace {
  /** Of the transport; ends with the answer. */
  readonly span: Span;
  readonly #tracer: Tracer;

  constructor(tracer: Tracer, span: Span) {
    this.#tracer = tracer;
    this.span = span;
  }

  /** A step that begins now. */
  start(name: string, attributes: SpanAttributes = {}): Span {
    return this.#tracer.start(name, { parent: this.span, attributes });
  }

  /** The way of some rows through the batcher of a version, from now on. */
  rows({ version, signature }: TracedVersion, count: number): RowsTrace {
    return new RowsTrace(this.#tracer, this.span, { 'millrace.model': signature.model, 'millrace.version': version, 'millrace.rows': count });
  }
}

/** Undefined where tracing is off or the request is not recorded. */
export const traceOf = (tracer: Tracer | undefined, span: Span | undefined): RequestTrace | undefined =>
  tracer !== undefined && span?.isSampled === true ? new RequestTrace(tracer, span) : undefined;

/** Rows of a request between their submission and their answer. */
export class RowsTrace {
  /** The request's span, which the batches link to. */
  readonly cause: TraceContext;
  /** Spans of the batches that ran them, in order. */
  readonly batches: TraceContext[] = [];
  readonly #tracer: Tracer;
  readonly #attributes: SpanAttributes;
  readonly #submittedAt = performance.now();

  constructor(tracer: Tracer, cause: TraceContext, attributes: SpanAttributes) {
    this.#tracer = tracer;
    this.cause = cause;
    this.#attributes = attributes;
  }

  /** Tells where the time went, by the same figures as the metrics and the decision. Rows from the cache were not computed. */
  answered({ queueMs, computeMs }: { readonly queueMs: number; readonly computeMs: number }): void {
    const now = performance.now();
    this.#start('queue', this.#submittedAt, []).end(this.#submittedAt + queueMs);
    if (computeMs > 0) this.#start('compute', now - computeMs, this.batches).end(now);
  }

  /** Rows that failed: in their batch where they came to one, else in the queue. */
  failed(error: unknown): void {
    const span = this.#start(this.batches.length > 0 ? 'compute' : 'queue', this.#submittedAt, this.batches);
    span.fail(error);
    span.end(performance.now());
  }

  #start(name: string, startedAt: number, links: readonly TraceContext[]): Span {
    return this.#tracer.start(name, { parent: this.cause, startedAt, links, attributes: this.#attributes });
  }
}
