import type { TraceContext } from './trace-context.ts';
import type { Span, SpanOptions, TracedProcess, Tracer, Tracing } from './tracer.ts';
import type { TracingConfig } from './tracing-config.ts';

export type { Span, SpanAttributes, SpanOptions, Tracer, Tracing } from './tracer.ts';

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
