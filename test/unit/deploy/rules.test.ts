import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { everyMetric } from '../../support/every-metric.ts';
import { findPromtool, runPromtool } from '../../support/promtool.ts';
import { repositoryRoot } from '../../support/repository-files.ts';

const inRepository = (file: string): string => path.join(repositoryRoot, file);
const ruleFiles = readdirSync(inRepository('deploy/rules')).map((file) => `deploy/rules/${file}`);
const textOf = (file: string): string => readFileSync(inRepository(file), 'utf8');
const rules = new Map(ruleFiles.map((file) => [file, textOf(file)]));
const all = [...rules.values()].join('\n');
const dashboardFolder = 'deploy/grafana/dashboards';
const dashboards = readdirSync(inRepository(dashboardFolder));
const promtool = await findPromtool();
const scratch = mkdtempSync(path.join(tmpdir(), 'millrace-rules-'));
afterAll(() => rmSync(scratch, { recursive: true }));

interface Dashboard {
  readonly uid: string;
  readonly templating: { readonly list: readonly { readonly query: string }[] };
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}
const dashboard = (file: string) => JSON.parse(textOf(`${dashboardFolder}/${file}`)) as Dashboard;
const queriesOf = (file: string): string[] => dashboard(file).panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

/** Names of metrics in a query or a rule; of a histogram's series, the histogram's. Names with a colon are recorded. */
const namesIn = (text: string): string[] =>
  [...text.matchAll(/(?<![\w:"=])((?:[a-z]+:)?(?:millrace|nodejs|process)_\w+(?::\w+)?)(?!["\w(])/g)].map(([, name]) => name as string);

async function knownNames(): Promise<Set<string>> {
  const metrics = await everyMetric();
  const series = metrics.flatMap(({ name, type }) => (type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name]));
  return new Set([...series, ...[...all.matchAll(/record: (\S+)/g)].map(([, name]) => name as string)]);
}

it('every metric that an alert or a record asks for is one that a process has, or that is recorded', async () => {
  const known = await knownNames();
  const named = namesIn(all);
  expect(new Set(named).size).toBeGreaterThan(30);
  expect([...new Set(named)].filter((name) => !known.has(name))).toEqual([]);
});

it('every objective has alerts of four pairs of windows, long and short, all of which are recorded', () => {
  const burns = all.split('- alert: ').slice(1).filter((alert) => /^Millrace\w+Burns?(Fast)?$/m.test(alert.split('\n')[0] ?? ''));
  const byName = new Map<string, string[][]>();
  for (const alert of burns) {
    const kind = /^Millrace(\w+?)Burns?(Fast)?$/m.exec(alert)?.[1] ?? '';
    const windows = [...alert.split('labels:')[0]!.matchAll(/ratio_rate(\w+)/g)].map(([, window]) => window as string);
    byName.set(kind, [...(byName.get(kind) ?? []), windows]);
  }
  const pairs = [['1h', '5m'], ['6h', '30m'], ['1d', '2h'], ['3d', '6h']];
  expect(Object.fromEntries(byName)).toEqual({ Freshness: pairs, Errors: pairs, Latency: pairs });
});

describe.skipIf(promtool === undefined)('by promtool', () => {
  const run = (...args: string[]) => runPromtool(promtool as string, args);

  it.each(ruleFiles)('%s are rules', async (file) => {
    expect(await run('check', 'rules', inRepository(file))).toContain('SUCCESS');
  });

  it('the configuration is one', async () => {
    expect(await run('check', 'config', inRepository('deploy/prometheus.yml'))).toContain('SUCCESS');
  });

  it.each(ruleFiles)('%s raise what is expected of them', async (file) => {
    expect(await run('test', 'rules', inRepository(`test/unit/deploy/${path.basename(file, '.yml')}-rules.yml`))).toContain('SUCCESS');
  });

  it.each([
    ['pipeline', '> 0.01', '> 0.5'],
    ['serving', 'outcome!="refused"', 'outcome!="nothing"'],
    ['freshness', '14.4 *', '1000 *'],
  ])('rules of %s with %s made %s are found out', async (name, from, to) => {
    const changed = textOf(`deploy/rules/${name}.yml`).replaceAll(from, to);
    expect(changed).not.toBe(textOf(`deploy/rules/${name}.yml`));
    const changedRules = path.join(scratch, `${name}.yml`);
    writeFileSync(changedRules, changed);
    const tests = path.join(scratch, `${name}-rules.yml`);
    writeFileSync(tests, textOf(`test/unit/deploy/${name}-rules.yml`).replace(/rule_files: .*/, `rule_files: [${changedRules}]`));
    await expect(run('test', 'rules', tests)).rejects.toThrow(/got: ?/);
  });

  it.each(dashboards)('every query of dashboard %s is one', async (file) => {
    // Promtool parses queries only as part of rules.
    const filled = queriesOf(file).map((query) => query.replaceAll('$__rate_interval', '5m').replace(/\$\w+/g, '.*'));
    const asRules = filled.map((expr, i) => ({ record: `query:${i}`, expr }));
    const written = path.join(scratch, `${file}.yml`);
    writeFileSync(written, JSON.stringify({ groups: [{ name: 'queries', rules: asRules }] }));
    expect(await run('check', 'rules', written)).toContain(`SUCCESS: ${filled.length} rules found`);
  });
});

it.each(dashboards)('every query of dashboard %s asks for metrics that there are', async (file) => {
  const known = await knownNames();
  const { templating, uid } = dashboard(file);
  const queries = [...queriesOf(file), ...templating.list.map(({ query }) => query.replace(/^label_values\((.*),.*$/, '$1'))];
  expect(uid).toMatch(/^millrace-/);
  expect(queries.length).toBeGreaterThan(15);
  const unknown = queries.flatMap((query) => {
    const names = namesIn(query);
    return names.length === 0 ? [query] : names.filter((name) => !known.has(name));
  });
  expect(unknown).toEqual([]);
});
