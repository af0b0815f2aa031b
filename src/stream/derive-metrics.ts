import { Counter, Histogram, type Registry } from '../infra/metrics.ts';

const BATCH_SECONDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60];

/** Metrics of derived sources, in the registry of the process. */
export function createDeriveMetrics(registry: Registry) {
  const registers = [registry];
  return {
    derived: new Counter({
      name: 'millrace_derived_events_total',
      help: 'Events that were derived, by derived source; one that is derived again after a crash counts again.',
      labelNames: ['source'] as const,
      registers,
    }),
    deriveBehind: new Counter({
      name: 'millrace_derive_behind_total',
      help: 'Batches of a derived source for which the log of an attached source stayed behind for longer than waitMax, by derived source and what followed (hold, attach).',
      labelNames: ['source', 'outcome'] as const,
      registers,
    }),
    deriveSeconds: new Histogram({
      name: 'millrace_derive_batch_seconds',
      help: 'From reading a batch of original events to their derived events being counted, by derived source.',
      labelNames: ['source'] as const,
      buckets: BATCH_SECONDS,
      registers,
    }),
  };
}
