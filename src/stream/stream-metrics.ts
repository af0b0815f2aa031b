import { Counter, Gauge, Histogram, type Registry } from '../infra/metrics.ts';
import { createDeriveMetrics } from './derive-metrics.ts';

export type StreamMetrics = ReturnType<typeof createStreamMetrics>;

const FRESHNESS_SECONDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60];
const BATCH_EVENTS = [1, 4, 16, 64, 256, 1_024, 4_096];

/** Metrics of the event path, in the registry of the process. */
export function createStreamMetrics(registry: Registry) {
  const registers = [registry];
  return {
    events: new Counter({
      name: 'millrace_events_total',
      help: 'Events that ingest has accounted for, by source and outcome (stored, duplicate, dead_letter).',
      labelNames: ['source', 'outcome'] as const,
      registers,
    }),
    beyondWindows: new Counter({
      name: 'millrace_events_beyond_windows_total',
      help: 'Stored events that are older than every window, by source.',
      labelNames: ['source'] as const,
      registers,
    }),
    lag: new Gauge({
      name: 'millrace_stream_lag_messages',
      help: 'Messages of a topic that are not consumed yet, by topic and partition, of the partitions that the process has.',
      labelNames: ['topic', 'partition'] as const,
      registers,
    }),
    freshness: new Histogram({
      name: 'millrace_freshness_seconds',
      help: "From the broker's append of the oldest event of a batch to its visibility in Redis, by view.",
      labelNames: ['view'] as const,
      buckets: FRESHNESS_SECONDS,
      registers,
    }),
    ingestBatch: new Histogram({
      name: 'millrace_ingest_batch_events',
      help: 'Events of an ingest batch.',
      buckets: BATCH_EVENTS,
      registers,
    }),
    foldBatch: new Histogram({
      name: 'millrace_fold_batch_frames',
      help: 'Frames folded by one call.',
      buckets: BATCH_EVENTS,
      registers,
    }),
    rebuilds: new Counter({
      name: 'millrace_view_rebuilds_total',
      help: 'View partitions that a fold consumer rebuilt from the offline log, by view and outcome.',
      labelNames: ['view', 'outcome'] as const,
      registers,
    }),
    gaps: new Counter({
      name: 'millrace_stream_gaps_total',
      help: 'Times that a source partition stood still because Kafka no longer has its next events.',
      labelNames: ['source'] as const,
      registers,
    }),
    decisionsLeftOut: new Counter({
      name: 'millrace_decisions_left_out_total',
      help: 'Decisions, or messages that have none, that the table of decisions can not hold, and messages, of one decision or more each, that Kafka dropped before they were stored.',
      registers,
    }),
    ...createDeriveMetrics(registry),
  };
}

/** What becomes of an event. */
const EVENT_OUTCOMES = ['stored', 'duplicate', 'dead_letter'];

/** Makes a source's series begin at 0: in one that begins with its first event Prometheus sees no increase, and no alert is raised. */
export function beginCounting({ events, beyondWindows, gaps }: StreamMetrics, source: string): void {
  for (const outcome of EVENT_OUTCOMES) events.inc({ source, outcome }, 0);
  beyondWindows.inc({ source }, 0);
  gaps.inc({ source }, 0);
}
