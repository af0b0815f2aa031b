import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import type { BasicTracerProvider, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { ClientOptions } from '@temporalio/client';
import { makeWorkflowExporter, OpenTelemetryActivityInboundInterceptor, OpenTelemetryActivityOutboundInterceptor, OpenTelemetryWorkflowClientInterceptor } from '@temporalio/interceptors-opentelemetry';
import type { WorkerOptions } from '@temporalio/worker';

/** What clients and workers of Temporal take so that traces go through workflows and activities. */
export interface TemporalTracing {
  readonly client: Pick<ClientOptions, 'interceptors'>;
  readonly worker: Pick<WorkerOptions, 'interceptors' | 'sinks'>;
}

/**
 * The interceptors of Temporal's own package. They find the span that they are in by OpenTelemetry's global context, which
 * is set up here: everything else passes spans by hand.
 */
export function traceTemporal(provider: BasicTracerProvider, queue: SpanProcessor, resource: Resource): TemporalTracing {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  const tracer = provider.getTracer('millrace-temporal');
  return {
    client: { interceptors: { workflow: [new OpenTelemetryWorkflowClientInterceptor({ tracer })] } },
    worker: {
      interceptors: {
        activity: [
          (activity) => ({
            inbound: new OpenTelemetryActivityInboundInterceptor(activity, { tracer }),
            outbound: new OpenTelemetryActivityOutboundInterceptor(activity),
          }),
        ],
      },
      sinks: { exporter: makeWorkflowExporter(queue, resource) },
    },
  };
}
