import { expect, it } from 'vitest';
import { Registry } from '../../../src/infra/metrics.ts';
import { VariantMetrics } from '../../../serving/variant-metrics.ts';

it('the newest experiment of a model has series, and no other', async () => {
  const registry = new Registry();
  const metrics = new VariantMetrics(registry);
  const variants = async (): Promise<string[]> => [...(await registry.metrics()).matchAll(/model="(\w+)",variant="([^"]+)"\} (\d+)/g)].map(([, model, variant, n]) => `${model} ${variant} ${n}`).sort();
  metrics.answered('a', 'champion', 2);
  for (let i = 0; i < 50; i++) {
    metrics.answered('a', `trial${i}/control`, 1);
    metrics.answered('a', `trial${i}/new`, 3);
  }
  metrics.answered('b', 'other/control', 1);
  metrics.answered('a', 'trial49/new', 1);
  expect(await variants()).toEqual(['a champion 2', 'a trial49/control 1', 'a trial49/new 4', 'b other/control 1']);
});
