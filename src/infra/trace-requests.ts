import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isMillraceError } from '../core/millrace-error.ts';
import { readTraceHeaders } from './trace-context.ts';
import type { Span, Tracer } from './tracing.ts';

/** The span of a request; undefined where tracing is off, and for what probes and scrapers ask. */
export type SpanOf = (request: FastifyRequest) => Span | undefined;

const PROBED = /\/(health\/|metrics$|ready$|openapi\.json$)/;
const STATUS_OF_FAULT = 500;

/** What a span tells of a request. */
export interface TracedRequest {
  readonly method: string;
  /** As the router has it, never the path: names of spans are to be few. */
  readonly route: string;
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
}

/** Begins a trace, or goes on with the caller's. */
export function startRequestSpan(tracer: Tracer, { method, route, id, headers }: TracedRequest): Span {
  const attributes = { 'http.request.method': method, 'http.route': route, 'millrace.request.id': id };
  return tracer.start(`${method} ${route}`, { kind: 'server', parent: readTraceHeaders(headers), attributes });
}

/** @param status of the answer; undefined where the caller went away before it */
export function endRequestSpan(span: Span | undefined, status: number | undefined): void {
  if (status === undefined) span?.fail(new Error('the caller went away before the answer'));
  else span?.set({ 'http.response.status_code': status });
  span?.end();
}

/** Gives each request of a server a span. Without a tracer nothing is added. */
export function traceRequests(app: FastifyInstance, tracer: Tracer | undefined): SpanOf {
  if (tracer === undefined) return () => undefined;
  const spans = new WeakMap<FastifyRequest, Span>();
  app.addHook('onRequest', (request, _reply, done) => {
    const { method, headers, id, routeOptions } = request;
    const route = routeOptions.url;
    if (route !== undefined && !PROBED.test(route)) spans.set(request, startRequestSpan(tracer, { method, route, id, headers }));
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    endRequestSpan(spans.get(request), reply.statusCode);
    done();
  });
  app.addHook('onRequestAbort', (request, done) => {
    endRequestSpan(spans.get(request), undefined);
    done();
  });
  return (request) => spans.get(request);
}

/** Notes what a request failed with: what the caller did wrong is no failure of the server's span. */
export function noteFailure(span: Span | undefined, error: unknown, status: number): void {
  if (status >= STATUS_OF_FAULT) span?.fail(error);
  else span?.set({ 'error.type': isMillraceError(error) ? error.code : String(status) });
}
