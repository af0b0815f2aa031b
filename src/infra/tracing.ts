import type { TemporalTracing } from './temporal-tracing.ts';
import type { Logger } from './logger.ts';
import type { Registry } from './metrics.ts';
import type { TraceContext } from './trace-context.ts';
import type { TracingConfig } from './tracing-config.ts';

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

/** Causes of a batch that its span links to; more would make it longer than collectors take. */
const LINKS_MAX = 64;

/** Undefined where tracing is off: nothing of OpenTelemetry is loaded then. */
export async function openTracing(config: TracingConfig, process: TracedProcess): Promise<Tracing | undefined> {
  const { url } = config;
  if (url === undefined) return undefined;
  const { openTelemetry } = await import('./open-telemetry.ts');
  return openTelemetry({ ...config, url }, process);
}

/**
 * The span of work that several requests or messages caused together: a child of the first that is recorded, with links to
 * all that are. Undefined where none is.
 */
export function startBatchSpan(tracer: Tracer, name: string, causes: readonly TraceContext[], options: SpanOptions): Span | undefined {
  const links = distinct(causes);
  const [parent] = links;
  return parent === undefined ? undefined : tracer.start(name, { ...options, parent, links });
}

function distinct(causes: readonly TraceContext[]): TraceContext[] {
  const found = new Map<string, TraceContext>();
  for (const cause of causes) {
    if (cause.isSampled) found.set(cause.spanId, cause);
    if (found.size === LINKS_MAX) break;
  }
  return [...found.values()];
}

/** Runs `work` in a span that ends with it, and fails where it throws. */
export async function inSpan<T>(span: Span | undefined, work: () => Promise<T>): Promise<T> {
  if (span === undefined) return work();
  try {
    return await work();
  } catch (error) {
    span.fail(error);
    throw error;
  } finally {
    span.end();
  }
}
