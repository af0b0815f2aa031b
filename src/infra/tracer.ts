import type { TemporalTracing } from './temporal-tracing.ts';
import type { Logger } from './logger.ts';
import type { Registry } from './metrics.ts';
import type { TraceContext } from './trace-context.ts';

export type SpanKind = 'internal' | 'server' | 'client' | 'producer' | 'consumer';
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanOptions {
  readonly kind?: SpanKind;
  /** Absent: the span begins a trace, which is recorded or not by the ratio. With one, the parent's trace decides. */
  readonly parent?: TraceContext | undefined;
  readonly links?: readonly TraceContext[];
  readonly attributes?: SpanAttributes;
  /** On the scale of `performance.now()`; now, where absent. A span that has it is to be ended with a time too. */
  readonly startedAt?: number;
}

export interface Span extends TraceContext {
  set(attributes: SpanAttributes): void;
  /** Marks it as failed; a MillraceError by its code. */
  fail(error: unknown): void;
  /** @param at on the scale of `performance.now()`; now, where absent */
  end(at?: number): void;
}

/**
 * Makes spans. Where tracing is off there is none: whoever may have one writes `tracer?.start(...)`, so that without it
 * not even the arguments are made.
 */
export interface Tracer {
  start(name: string, options?: SpanOptions): Span;
}

export interface Tracing {
  readonly tracer: Tracer;
  /** For clients and workers of Temporal. */
  temporal(): Promise<TemporalTracing>;
  /** Sends what waits, for as long as one export may take, and ends. */
  close(): Promise<void>;
}

/** Who the spans of a process are of. */
export interface TracedProcess {
  /** Such as `serving`. */
  readonly name: string;
  /** Of Millrace: MILLRACE_NAMESPACE. */
  readonly namespace: string;
  readonly registry: Registry;
  readonly logger: Logger;
}
