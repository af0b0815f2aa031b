import { z } from 'zod';
import { readSettings, type Environment } from './settings.ts';

const endpoint = z.url({ protocol: /^https?$/, error: "expected 'http://host:port' or 'https://host:port'" }).optional();

const schema = z.object({
  endpoint,
  standardEndpoint: endpoint,
  standardTracesEndpoint: endpoint,
  disabled: z.string().optional(),
  ratio: z.coerce.number().min(0).max(1).default(0.01),
  queueSpansMax: z.coerce.number().int().min(1).max(1_000_000).default(8_192),
  exportTimeoutMs: z.coerce.number().int().min(1).max(60_000).default(5_000),
});

export const tracingConfigNames = {
  endpoint: 'MILLRACE_TRACING_ENDPOINT',
  standardEndpoint: 'OTEL_EXPORTER_OTLP_ENDPOINT',
  standardTracesEndpoint: 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  disabled: 'OTEL_SDK_DISABLED',
  ratio: 'MILLRACE_TRACING_RATIO',
  queueSpansMax: 'MILLRACE_TRACING_QUEUE_SPANS_MAX',
  exportTimeoutMs: 'MILLRACE_TRACING_EXPORT_TIMEOUT_MS',
} as const;

/** Settings of tracing; docs/observability.md says what each is for. */
export interface TracingConfig {
  /** Where spans are posted to, path included; undefined: no tracing. */
  readonly url: string | undefined;
  /** Share of traces that begin here and are recorded. */
  readonly ratio: number;
  readonly queueSpansMax: number;
  readonly exportTimeoutMs: number;
}

const TRACES_PATH = 'v1/traces';

/** @throws MillraceError CONFIG_INVALID naming every wrong variable */
export function loadTracingConfig(environment: Environment): TracingConfig {
  const found = readSettings(schema, tracingConfigNames, environment);
  const { ratio, queueSpansMax, exportTimeoutMs } = found;
  const base = found.endpoint ?? found.standardEndpoint;
  // The one for traces alone is taken as it is, after OpenTelemetry's specification.
  const own = found.endpoint === undefined ? found.standardTracesEndpoint : undefined;
  const url = own ?? (base === undefined ? undefined : `${base.replace(/\/+$/, '')}/${TRACES_PATH}`);
  const isOn = found.disabled?.toLowerCase() !== 'true';
  return Object.freeze({ url: isOn ? url : undefined, ratio, queueSpansMax, exportTimeoutMs });
}
