import { expect, it } from 'vitest';
import { ShadowMetrics } from '../../../../serving/decisions/shadow-metrics.ts';
import { Registry } from '../../../../src/infra/metrics.ts';

const answer = (score: number, shadowScore: number) => ({ score, label: score >= 0.5, shadowScore, shadowLabel: shadowScore >= 0.6 });

it('counts agreement and flips by each version\'s own label, and the distances of the scores', async () => {
  const registry = new Registry();
  const metrics = new ShadowMetrics(registry);
  for (const [score, shadowScore] of [[0.4, 0.58], [0.7, 0.88], [0.4, 0.7], [0.55, 0.55]] as const) {
    metrics.observe('delay', 2, answer(score, shadowScore));
  }
  const text = await registry.metrics();
  expect(text).toContain('millrace_shadow_answers_total{model="delay",version="2",outcome="agree"} 2');
  expect(text).toContain('millrace_shadow_answers_total{model="delay",version="2",outcome="to_positive"} 1');
  expect(text).toContain('millrace_shadow_answers_total{model="delay",version="2",outcome="to_negative"} 1');
  expect(text).toContain('millrace_shadow_score_distance_bucket{le="0.2",model="delay",version="2"} 3');
  expect(text).toContain('millrace_shadow_score_distance_count{model="delay",version="2"} 4');
});

it('a model has the series of its newest shadow only', async () => {
  const registry = new Registry();
  const metrics = new ShadowMetrics(registry);
  for (let version = 1; version <= 50; version++) metrics.observe('delay', version, answer(0.4, 0.7));
  metrics.observe('other', 3, answer(0.4, 0.4));
  const text = await registry.metrics();
  expect([...text.matchAll(/^millrace_shadow_(?:answers_total|score_distance_count)\{.*$/gm)].map(([line]) => line)).toEqual([
    'millrace_shadow_answers_total{model="delay",version="50",outcome="to_positive"} 1',
    'millrace_shadow_answers_total{model="other",version="3",outcome="agree"} 1',
    'millrace_shadow_score_distance_count{model="delay",version="50"} 1',
    'millrace_shadow_score_distance_count{model="other",version="3"} 1',
  ]);
});
