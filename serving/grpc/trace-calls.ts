import { ServerInterceptingCall, status, type Metadata, type ServerInterceptor } from '@grpc/grpc-js';
import { ERROR_CODE_METADATA } from '../../src/contracts/feature-store.ts';
import { readTraceHeaders } from '../../src/infra/trace-context.ts';
import type { Span, Tracer } from '../../src/infra/tracing.ts';
import type { RequestTrace } from '../request-trace.ts';

export interface TracedCalls {
  readonly interceptors: readonly ServerInterceptor[];
  /** The span of a call, by the metadata that it came with; undefined where tracing is off. */
  readonly spanOf: (metadata: Metadata) => Span | undefined;
}

/** The trace of a call that is recorded. */
export type TraceOfCall = (call: { readonly metadata: Metadata }) => RequestTrace | undefined;

const UNTRACED = /^\/grpc\.(health|reflection)\./;
/** What is the server's fault, after OpenTelemetry's conventions for gRPC. */
const faults: ReadonlySet<status> = new Set([status.UNKNOWN, status.DEADLINE_EXCEEDED, status.UNIMPLEMENTED, status.INTERNAL, status.UNAVAILABLE, status.DATA_LOSS]);

/** Gives each call a span, which begins a trace or goes on with the caller's. Without a tracer nothing is added. */
export function traceCalls(tracer: Tracer | undefined): TracedCalls {
  if (tracer === undefined) return { interceptors: [], spanOf: () => undefined };
  const spans = new WeakMap<Metadata, Span>();
  const interceptor: ServerInterceptor = ({ path }, call) => {
    if (UNTRACED.test(path)) return new ServerInterceptingCall(call);
    let span: Span | undefined;
    const end = (code: status, error?: Error): void => {
      span?.set({ 'rpc.grpc.status_code': code });
      if (error !== undefined && faults.has(code)) span?.fail(error);
      span?.end();
      span = undefined;
    };
    return new ServerInterceptingCall(call, {
      start(next) {
        next({
          onReceiveMetadata(metadata, pass) {
            const [service = '', method = ''] = path.slice(1).split('/');
            const attributes = { 'rpc.system': 'grpc', 'rpc.service': service, 'rpc.method': method };
            const found = { traceparent: metadata.get('traceparent')[0], tracestate: metadata.get('tracestate')[0] };
            span = tracer.start(path.slice(1), { kind: 'server', parent: readTraceHeaders(found), attributes });
            spans.set(metadata, span);
            pass(metadata);
          },
          onCancel() {
            end(status.CANCELLED, new Error('the caller went away before the answer'));
          },
        });
      },
      sendStatus(answer, next) {
        const code = answer.metadata?.get(ERROR_CODE_METADATA)[0];
        if (code !== undefined) span?.set({ 'error.type': String(code) });
        end(answer.code, answer.code === status.OK ? undefined : new Error(answer.details));
        next(answer);
      },
    });
  };
  return { interceptors: [interceptor], spanOf: (metadata) => spans.get(metadata) };
}
