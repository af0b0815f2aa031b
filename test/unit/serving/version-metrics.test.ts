import { expect, it } from 'vitest';
import { VERSIONS_SHOWN_MAX, VersionMetrics } from '../../../serving/version-metrics.ts';
import { Registry } from '../../../src/infra/metrics.ts';

const versionsIn = (text: string): number[] =>
  [...text.matchAll(/^millrace_prediction_duration_seconds_count\{model="delay",version="(\d+)"\}/gm)].map(([, version]) => Number(version));

it('a model has series of its newest versions only, however many it has had', async () => {
  const registry = new Registry();
  const metrics = new VersionMetrics(registry);
  for (let version = 1; version <= 100; version++) metrics.of('delay', version).total.observe(0.01);
  metrics.of('other', 1).total.observe(0.01);
  const text = await registry.metrics();
  expect(versionsIn(text)).toEqual(Array.from({ length: VERSIONS_SHOWN_MAX }, (_, i) => 101 - VERSIONS_SHOWN_MAX + i));
  expect(text).toContain('millrace_prediction_duration_seconds_count{model="other",version="1"} 1');
});

it('a version keeps its series from one observation to the next', async () => {
  const registry = new Registry();
  const metrics = new VersionMetrics(registry);
  for (let i = 0; i < 3; i++) metrics.of('delay', 7).compute.observe(0.002);
  expect(await registry.metrics()).toContain('millrace_prediction_compute_seconds_bucket{le="0.0025",model="delay",version="7"} 3');
});
