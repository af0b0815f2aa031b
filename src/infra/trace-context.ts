/** A place in a trace: a span of this process, or one that a request or a message names as its cause. */
export interface TraceContext {
  /** 32 hexadecimal digits, not all zero. */
  readonly traceId: string;
  /** 16 hexadecimal digits, not all zero. */
  readonly spanId: string;
  /** Whether the trace is recorded. */
  readonly isSampled: boolean;
  /** What other vendors wrote into `tracestate`; passed on as it came. */
  readonly state?: string | undefined;
}

export interface TraceHeaders {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** Header fields as HTTP, gRPC and Kafka have them. */
export type FoundHeaders = Readonly<Record<string, Buffer | string | readonly (Buffer | string)[] | undefined>>;

const PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const VERSION_NOW = '00';
const VERSION_INVALID = 'ff';
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);
const SAMPLED = 1;
/** Of `tracestate`; a longer one is left out, as the recommendation allows. */
const STATE_LENGTH_MAX = 512;

/** The cause that headers name, after W3C Trace Context; undefined where they name none, or none that is valid. */
export function readTraceHeaders(headers: FoundHeaders): TraceContext | undefined {
  const parent = textOf(headers.traceparent);
  if (parent === undefined) return undefined;
  const [, version, traceId = NO_TRACE, spanId = NO_SPAN, flags = '00', more] = PARENT.exec(parent) ?? [];
  if (version === undefined || version === VERSION_INVALID || traceId === NO_TRACE || spanId === NO_SPAN) return undefined;
  if (version === VERSION_NOW && more !== undefined) return undefined;
  const state = textOf(headers.tracestate);
  const isSampled = (parseInt(flags, 16) & SAMPLED) === SAMPLED;
  return state === undefined || state === '' || state.length > STATE_LENGTH_MAX ? { traceId, spanId, isSampled } : { traceId, spanId, isSampled, state };
}

/** Headers that name a place in a trace as the cause of what they go with. */
export function traceHeaders({ traceId, spanId, isSampled, state }: TraceContext): TraceHeaders {
  const traceparent = `${VERSION_NOW}-${traceId}-${spanId}-0${isSampled ? SAMPLED : 0}`;
  return state === undefined ? { traceparent } : { traceparent, tracestate: state };
}

/** A field that is there twice is no valid one, but lists of vendors may be in several. */
function textOf(field: FoundHeaders[string]): string | undefined {
  if (field === undefined || typeof field === 'string') return field;
  return Array.isArray(field) ? field.join(',') : (field as Buffer).toString('latin1');
}
