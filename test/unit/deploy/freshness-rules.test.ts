import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { Registry } from '../../../src/infra/metrics.ts';
import { observeObjectives } from '../../../serving/freshness-metrics.ts';
import { createServingMetrics } from '../../../serving/serving-metrics.ts';
import { findProgram } from '../../../stack/find-program.ts';
import { repositoryRoot } from '../../support/repository-files.ts';

const run = promisify(execFile);
const rules = readFileSync(path.join(repositoryRoot, 'deploy/rules/freshness.yml'), 'utf8');
const promtool = await findProgram('promtool', process.env);

it('asks only for metrics that a serving process has, and for what the rules themselves record', () => {
  const registry = new Registry();
  createServingMetrics(registry);
  observeObjectives(registry, []);
  const recorded = [...rules.matchAll(/record: (\S+)/g)].map((match) => match[1]);
  const named = [...rules.matchAll(/(?<![:\w])((?:view:)?millrace_\w+(?::\w+)?)/g)].map((match) => match[1] as string);
  expect(new Set(named).size).toBeGreaterThan(8);
  const known = new Set([...registry.getMetricsAsArray().map(({ name }) => name), ...recorded]);
  expect([...new Set(named)].filter((name) => !known.has(name))).toEqual([]);
});

it('has a long and a short window for every alert, each of which the rules record', () => {
  const alerts = rules.split('- alert: ').slice(1);
  expect(alerts).toHaveLength(4);
  const windows = alerts.map((alert) => [...alert.matchAll(/ratio_rate(\w+)/g)].map((match) => match[1]));
  expect(windows).toEqual([['1h', '5m'], ['6h', '30m'], ['1d', '2h'], ['3d', '6h']]);
});

it.skipIf(promtool === undefined)('raises what promtool expects of it', async () => {
  const { stdout } = await run(promtool ?? '', ['test', 'rules', path.join(repositoryRoot, 'test/unit/deploy/freshness-rules.yml')]);
  expect(stdout).toContain('SUCCESS');
});
