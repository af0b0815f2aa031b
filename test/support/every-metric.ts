import { createConsoleMetrics } from '../../console/console-metrics.ts';
import { observeObjectives } from '../../serving/freshness-metrics.ts';
import { observeModels } from '../../serving/observe-models.ts';
import { createServingMetrics } from '../../serving/serving-metrics.ts';
import { createLogger } from '../../src/infra/logger.ts';
import { createMetrics } from '../../src/infra/metrics.ts';
import { loadTracingConfig } from '../../src/infra/tracing-config.ts';
import { openTracing } from '../../src/infra/tracing.ts';
import { createGatewayMetrics } from '../../src/stream/gateway-metrics.ts';
import { createStreamMetrics } from '../../src/stream/stream-metrics.ts';
import { measureActivities } from '../../workers/activity-metrics.ts';
import { observeGroup } from '../../workers/serving-group/group-metrics.ts';

export interface KnownMetric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  /** In the order of the code; of a histogram with series of its own, none. */
  readonly labels: readonly string[];
}

/** Every metric that a process of Millrace has, those of the runtime included. */
export async function everyMetric(): Promise<KnownMetric[]> {
  const registry = createMetrics('test');
  createServingMetrics(registry);
  observeModels(registry, [], { all: [], loaded: [] }, () => 0);
  observeObjectives(registry, []);
  observeGroup(registry, { readyCount: 0, restarts: 0 });
  createStreamMetrics(registry);
  createGatewayMetrics(registry);
  createConsoleMetrics(registry);
  measureActivities(registry);
  const config = loadTracingConfig({ MILLRACE_TRACING_ENDPOINT: 'http://127.0.0.1:9' });
  const tracing = await openTracing(config, { name: 'test', namespace: 'test', registry, logger: createLogger('test', 'silent') });
  const found = await registry.getMetricsAsJSON();
  await tracing?.close();
  return found.map(({ name, help, type }) => {
    const { labelNames = [] } = registry.getSingleMetric(name) as { readonly labelNames?: readonly string[] };
    return { name, help, type: String(type), labels: labelNames };
  });
}
