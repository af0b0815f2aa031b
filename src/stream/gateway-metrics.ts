import { Counter, Gauge, Histogram, type Registry } from '../infra/metrics.ts';

export type GatewayMetrics = ReturnType<typeof createGatewayMetrics>;

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Metrics of a gateway. Every label is bounded: sources are the project's, codes the error table's. */
export function createGatewayMetrics(registry: Registry) {
  const registers = [registry];
  const labelNames = ['source'] as const;
  return {
    accepted: new Counter({
      name: 'millrace_gateway_events_accepted_total',
      help: 'Events that Kafka acknowledged.',
      labelNames,
      registers,
    }),
    refused: new Counter({
      name: 'millrace_gateway_events_overloaded_total',
      help: 'Events answered with 429.',
      labelNames,
      registers,
    }),
    failures: new Counter({
      name: 'millrace_gateway_failures_total',
      help: "Requests that were refused or failed, by source (unknown: none of the project's) and error code.",
      labelNames: ['source', 'code'] as const,
      registers,
    }),
    inFlight: new Gauge({
      name: 'millrace_gateway_events_in_flight',
      help: 'Events on the way to Kafka.',
      registers,
    }),
    seconds: new Histogram({
      name: 'millrace_gateway_acknowledge_duration_seconds',
      help: "Until the broker's acknowledgement.",
      buckets: SECONDS,
      registers,
    }),
  };
}
