import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import protobuf from 'protobufjs';

/** What the wire holds, by the field numbers of OpenTelemetry's own proto files: nothing of the SDK under test reads it. */
const PROTO = `
  syntax = "proto3";
  message Request { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
    fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9; repeated Link links = 13; Status status = 15;
  }
  message Link { bytes trace_id = 1; bytes span_id = 2; }
  message Status { string message = 2; int32 code = 3; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof kind { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
`;
const requestType = protobuf.parse(PROTO).root.lookupType('Request');

export interface ReceivedSpan {
  /** Of the process that sent it. */
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentSpanId: string;
  readonly state: string;
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  /** Ms since the epoch. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Span ids. */
  readonly links: readonly string[];
  readonly status: { readonly code: number; readonly message: string };
}

interface WireAttribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}
interface WireSpan {
  readonly traceId: Buffer;
  readonly spanId: Buffer;
  readonly traceState: string;
  readonly parentSpanId: Buffer;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly WireAttribute[];
  readonly links: readonly { readonly spanId: Buffer }[];
  readonly status: { readonly code: number; readonly message: string } | null;
}
interface WireRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly WireAttribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[];
  }[];
}

const NANOSECONDS_PER_MS = 1e6;

/** A collector that keeps what it is sent: OTLP over HTTP, as Protocol Buffers. `answer` is the status that it gives. */
export async function startOtlpReceiver() {
  const spans: ReceivedSpan[] = [];
  const requests: { path: string | undefined; headers: NodeJS.Dict<string | string[]> }[] = [];
  const state = { answer: 200 };
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      requests.push({ path: request.url, headers: request.headers });
      const isPacked = request.headers['content-encoding'] === 'gzip';
      if (state.answer === 200) spans.push(...decode(isPacked ? gunzipSync(body) : body));
      response.writeHead(state.answer, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    /** Base, as OTEL_EXPORTER_OTLP_ENDPOINT takes it. */
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    requests,
    state,
    close: () => new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

function decode(body: Buffer): ReceivedSpan[] {
  const wire = requestType.toObject(requestType.decode(body), { longs: String, defaults: true, arrays: true, oneofs: true }) as WireRequest;
  return wire.resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(attributesOf(resource.attributes)['service.name']);
    return scopeSpans.flatMap((scope) => scope.spans.map((span) => spanOf(service, span)));
  });
}

const spanOf = (service: string, span: WireSpan): ReceivedSpan => ({
  service,
  name: span.name,
  traceId: hex(span.traceId),
  spanId: hex(span.spanId),
  parentSpanId: hex(span.parentSpanId),
  state: span.traceState,
  kind: span.kind,
  startedAt: Number(span.startTimeUnixNano) / NANOSECONDS_PER_MS,
  endedAt: Number(span.endTimeUnixNano) / NANOSECONDS_PER_MS,
  attributes: attributesOf(span.attributes),
  links: span.links.map(({ spanId }) => hex(spanId)),
  status: { code: span.status?.code ?? 0, message: span.status?.message ?? '' },
});

const hex = (bytes: Buffer): string => Buffer.from(bytes).toString('hex');

/** Of the alternatives of a value, decoding gives the one that was sent. */
const attributesOf = (list: readonly WireAttribute[]): Record<string, unknown> =>
  Object.fromEntries(
    list.map(({ key, value }) => [key, value['kind'] === 'intValue' ? Number(value['intValue']) : value[String(value['kind'])]]),
  );
