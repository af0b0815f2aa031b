import { expect, it } from 'vitest';
import { FreshnessMetrics } from '../../../serving/freshness-metrics.ts';
import { compileView } from '../../../src/fold/compile-view.ts';
import { entity, featureView, source, string, timestamp } from '../../../src/index.ts';
import { Registry } from '../../../src/infra/metrics.ts';

it('counts reads of all versions of a view together, and what each version did with stale ones', async () => {
  const visits = source({ name: 'visits', schema: { id: string(), page: string(), at: timestamp() }, id: 'id', eventTime: 'at' });
  const versionOf = (version: number, onStale: 'serve' | 'refuse') =>
    compileView(
      featureView({ name: 'page_visits', version, source: visits, entity: entity({ name: 'page', keys: ['page'] }), features: ({ count }) => ({ visits: count({ window: '1h' }) }), maxAge: '5m', onStale }),
    );
  const registry = new Registry();
  const metrics = new FreshnessMetrics(registry, () => 0);
  metrics.countReads(versionOf(1, 'serve'), 3, 1);
  metrics.countReads(versionOf(2, 'refuse'), 4, 2);
  metrics.countReads(versionOf(1, 'serve'), 1, 1);

  const valuesOf = async (name: string) => (await registry.getSingleMetric(name)!.get()).values.map(({ labels, value }) => ({ ...labels, value }));
  expect(await valuesOf('millrace_feature_reads_total')).toEqual([{ view: 'page_visits', value: 8 }]);
  expect(await valuesOf('millrace_feature_stale_reads_total')).toEqual([{ view: 'page_visits', value: 4 }]);
  expect(await valuesOf('millrace_feature_reads_by_freshness_total')).toEqual([
    { view: 'page_visits', freshness: 'fresh', value: 4 },
    { view: 'page_visits', freshness: 'stale_served', value: 2 },
    { view: 'page_visits', freshness: 'stale_refused', value: 2 },
  ]);
});
