import { readTraceHeaders, type FoundHeaders } from './trace-context.ts';
import { startBatchSpan, type Span, type SpanOptions, type Tracer } from './tracing.ts';

/**
 * The span of work on messages: a child of the first one's that is recorded, with links to all that are. Undefined where
 * tracing is off or no message names a trace that is recorded.
 */
export function startMessageSpan(
  tracer: Tracer | undefined,
  name: string,
  messages: readonly { readonly headers: FoundHeaders }[],
  options: SpanOptions = {},
): Span | undefined {
  if (tracer === undefined) return undefined;
  const causes = messages.flatMap(({ headers }) => (headers.traceparent === undefined ? [] : (readTraceHeaders(headers) ?? [])));
  if (causes.length === 0) return undefined;
  const attributes = { 'messaging.system': 'kafka', 'messaging.batch.message_count': messages.length, ...options.attributes };
  return startBatchSpan(tracer, name, causes, { kind: 'consumer', ...options, attributes });
}
