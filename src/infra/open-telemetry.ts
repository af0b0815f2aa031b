import { hostname } from 'node:os';
import { pid } from 'node:process';
import { createTraceState, ROOT_CONTEXT, SpanKind as ApiSpanKind, SpanStatusCode, trace, TraceFlags, type Span as ApiSpan, type SpanContext } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { Resource } from '@opentelemetry/resources';
import { BasicTracerProvider, ParentBasedSampler, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace-base';
import { isMillraceError, messageOf } from '../core/millrace-error.ts';
import { packageVersion } from './package-version.ts';
import { SpanQueue } from './span-queue.ts';
import type { TraceContext } from './trace-context.ts';
import type { Span, SpanAttributes, SpanKind, SpanOptions, TracedProcess, Tracing } from './tracer.ts';
import type { TracingConfig } from './tracing-config.ts';

const kinds: Readonly<Record<SpanKind, ApiSpanKind>> = {
  internal: ApiSpanKind.INTERNAL,
  server: ApiSpanKind.SERVER,
  client: ApiSpanKind.CLIENT,
  producer: ApiSpanKind.PRODUCER,
  consumer: ApiSpanKind.CONSUMER,
};

/** Tracing by OpenTelemetry's SDK: spans go to a collector by OTLP, as Protocol Buffers over HTTP. */
export function openTelemetry(config: TracingConfig & { readonly url: string }, process: TracedProcess): Tracing {
  const { url, ratio, queueSpansMax: spansMax, exportTimeoutMs } = config;
  const { registry, logger, name, namespace } = process;
  const resource = new Resource({
    'service.name': `millrace-${name}`,
    'service.namespace': namespace,
    'service.version': packageVersion(),
    'service.instance.id': `${hostname()}:${pid}`,
  });
  // Headers and compression come from the standard variables, which the exporter reads.
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: exportTimeoutMs });
  const queue = new SpanQueue({ exporter, spansMax, drainMs: exportTimeoutMs, registry, logger });
  const sampler = new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) });
  const provider = new BasicTracerProvider({ resource, sampler, spanProcessors: [queue] });
  const api = provider.getTracer('millrace', packageVersion());
  logger.info({ url, ratio }, 'tracing');
  return {
    tracer: {
      start: (spanName, { kind = 'internal', parent, links = [], attributes = {}, startedAt }: SpanOptions = {}) => {
        const context = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, spanContextOf(parent));
        const options = { kind: kinds[kind], attributes, links: links.map((link) => ({ context: spanContextOf(link) })) };
        return new OtelSpan(api.startSpan(spanName, startedAt === undefined ? options : { ...options, startTime: startedAt }, context));
      },
    },
    async temporal() {
      const { traceTemporal } = await import('./temporal-tracing.ts');
      return traceTemporal(provider, queue, resource);
    },
    close: () => provider.shutdown(),
  };
}

class OtelSpan implements Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
  readonly state: string | undefined;
  readonly #span: ApiSpan;

  constructor(span: ApiSpan) {
    this.#span = span;
    const { traceId, spanId, traceFlags, traceState } = span.spanContext();
    this.traceId = traceId;
    this.spanId = spanId;
    this.isSampled = (traceFlags & TraceFlags.SAMPLED) !== 0;
    this.state = traceState?.serialize();
  }

  set(attributes: SpanAttributes): void {
    this.#span.setAttributes(attributes);
  }

  fail(error: unknown): void {
    this.#span.setAttribute('error.type', isMillraceError(error) ? error.code : error instanceof Error ? error.name : 'unknown');
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
  }

  end(at?: number): void {
    this.#span.end(at);
  }
}

function spanContextOf({ traceId, spanId, isSampled, state }: TraceContext): SpanContext {
  const place = { traceId, spanId, traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE };
  return state === undefined ? place : { ...place, traceState: createTraceState(state) };
}
