import { expect, test } from 'vitest';
import { Counter, createMetrics } from '../../../../src/infra/metrics.ts';
import { mergeMetrics } from '../../../../workers/serving-group/merge-metrics.ts';

const pageOf = async (member: string, extra: boolean): Promise<string> => {
  const registry = createMetrics('serving', { member });
  new Counter({ name: 'answers_total', help: 'Answers.', labelNames: ['kind'], registers: [registry] }).inc({ kind: 'a' }, Number(member));
  if (extra) new Counter({ name: 'rare_total', help: 'Of one process.', registers: [registry] }).inc();
  return registry.metrics();
};

test('samples of several processes stand below one head for each metric, and none is lost', async () => {
  const pages = [await pageOf('1', false), await pageOf('2', true)];
  const merged = mergeMetrics(pages);
  expect(merged).toContain('# HELP answers_total Answers.\n# TYPE answers_total counter\nanswers_total{kind="a",process="serving",member="1"} 1\nanswers_total{kind="a",process="serving",member="2"} 2\n');
  const heads = merged.split('\n').filter((line) => line.startsWith('#'));
  expect(new Set(heads).size).toBe(heads.length);
  const samplesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  expect(samplesOf(merged).sort()).toEqual(pages.flatMap(samplesOf).sort());
});
