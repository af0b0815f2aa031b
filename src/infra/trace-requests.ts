import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isMillraceError } from '../core/millrace-error.ts';
import { readTraceHeaders } from './trace-context.ts';
import type { Span, Tracer } from './tracing.ts';

/** The span of a request; undefined where tracing is off, and for what probes and scrapers ask. */
export type SpanOf = (request: FastifyRequest) => Span | undefined;

const PROBED = /\/(health\/|metrics$|ready$|openapi\.json$)/;
const STATUS_OF_FAULT = 500;

/** Gives each request of a server a span, which begins a trace or goes on with the caller's. Without a tracer nothing is added. */
export function traceRequests(app: FastifyInstance, tracer: Tracer | undefined): SpanOf {
  if (tracer === undefined) return () => undefined;
  const spans = new WeakMap<FastifyRequest, Span>();
  app.addHook('onRequest', (request, _reply, done) => {
    const { method, headers, id } = request;
    const route = request.routeOptions.url;
    // By the route, never by the path: names of spans are to be few.
    if (route !== undefined && !PROBED.test(route)) {
      const attributes = { 'http.request.method': method, 'http.route': route, 'millrace.request.id': String(id) };
      spans.set(request, tracer.start(`${method} ${route}`, { kind: 'server', parent: readTraceHeaders(headers), attributes }));
    }
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const span = spans.get(request);
    span?.set({ 'http.response.status_code': reply.statusCode });
    span?.end();
    done();
  });
  app.addHook('onRequestAbort', (request, done) => {
    const span = spans.get(request);
    span?.fail(new Error('the caller went away before the answer'));
    span?.end();
    done();
  });
  return (request) => spans.get(request);
}

/** Notes what a request failed with: what the caller did wrong is no failure of the server's span. */
export function noteFailure(span: Span | undefined, error: unknown, status: number): void {
  if (status >= STATUS_OF_FAULT) span?.fail(error);
  else span?.set({ 'error.type': isMillraceError(error) ? error.code : String(status) });
}
