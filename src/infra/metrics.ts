import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

export { Counter, Gauge, Histogram, Registry };

/** Metrics of one process. Every metric is created with `registers: [registry]`, never in the global one. */
export function createMetrics(process: string, labels: Readonly<Record<string, string>> = {}): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ process, ...labels });
  collectDefaultMetrics({ register: registry });
  return registry;
}
