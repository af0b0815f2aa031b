import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { loadTracingConfig, tracingConfigNames } from '../../../src/infra/tracing-config.ts';
import { everyMetric } from '../../support/every-metric.ts';
import { listFiles, repositoryRoot } from '../../support/repository-files.ts';

const textOf = (file: string): string => readFileSync(path.join(repositoryRoot, file), 'utf8');
const page = textOf('docs/observability.md');
const part = (from: string, to: string): string => page.slice(page.indexOf(from), page.indexOf(to));
/** First cells of a part's tables: what stands in backticks. */
const firstCells = (text: string): string[] =>
  [...text.matchAll(/^\| (`.*?`) \|/gm)].flatMap(([, cell]) => [...(cell as string).matchAll(/`([^`]+)`/g)].map(([, name]) => name as string));

test("the tables of metrics have every metric of the code, with its kind and labels, and no other", async () => {
  const documented = new Map(
    [...page.matchAll(/^\| `(millrace_\w+)` \| (\w+) \| (.*?) \| .+ \|$/gm)].map(([, name, kind, labels]) => [name as string, `${kind} ${labels}`]),
  );
  const known = (await everyMetric()).filter(({ name }) => name.startsWith('millrace_'));
  expect([...documented.keys()].sort()).toEqual(known.map(({ name }) => name).sort());
  // Histograms with series of their own tell their labels only once something was observed.
  const expected = known.map(({ name, type, labels }) => [name, type, labels.map((label) => `\`${label}\``).join(', ')] as const);
  expect(expected.filter(([name, type, labels]) => documented.get(name) !== `${type} ${labels}` && !(labels === '' && documented.get(name)?.startsWith(`${type} \``))).map(([name]) => name)).toEqual([]);
});

test('every metric that a file of the code names is one of those that the tables are held to', async () => {
  const code = listFiles(['src', 'serving', 'activities', 'workers', 'cli', 'console', 'stack'], ['.ts', '.mjs']).map(textOf);
  const named = code.filter((text) => text.includes('/metrics.ts')).flatMap((text) => [...text.matchAll(/['"`](millrace_\w+)['"`]/g)].map(([, name]) => name as string));
  const known = (await everyMetric()).map(({ name }) => name).filter((name) => name.startsWith('millrace_'));
  expect([...new Set(named)].sort()).toEqual(known.sort());
});

test('the table of alerts has every alert of the rules, and no other', () => {
  const rules = readdirSync(path.join(repositoryRoot, 'deploy/rules')).map((file) => textOf(`deploy/rules/${file}`)).join('\n');
  const alerts = new Set([...rules.matchAll(/alert: (\w+)/g)].map(([, name]) => name as string));
  const documented = firstCells(part('## Objectives and alerts', '## Looking')).filter((name) => name.startsWith('Millrace'));
  expect(documented.sort()).toEqual([...alerts].sort());
});

test('the table of spans has every span that the code names, and names none that it does not', () => {
  const traces = /from '.*(tracing|trace-messages|request-trace|runnable-version)\.ts'/;
  const code = listFiles(['src', 'serving'], ['.ts']).map(textOf).filter((text) => traces.test(text)).join('\n');
  const named = [...code.matchAll(/(?:\.start|#start|step|startBatchSpan|startMessageSpan)\((?:[\w.#]+, )?['`]([a-z]+(?: [a-z]+)?)(?: \$\{[^}]+\})?['`]/g)].map(([, name]) => name as string);
  const documented = firstCells(part('### Spans', '## Logs')).filter((name) => /^[a-z ]+( <\w+>)?$/.test(name));
  // 'compute' or 'queue', whichever failed, is told by a condition.
  const expected = new Set([...named, 'compute', 'queue']);
  expect([...new Set(documented.map((name) => name.replace(/ <.*/, '')))].sort()).toEqual([...expected].sort());
});

test('the settings of tracing are on the page with the defaults that the code has', () => {
  const defaults: Readonly<Record<string, string | number | undefined>> = { ...loadTracingConfig({}) };
  const rows = new Map([...page.matchAll(/^\| `([A-Z_]+)` \| (.+?) \| .+ \|$/gm)].map(([, name, fallback]) => [name as string, fallback]));
  const expected = Object.entries(tracingConfigNames).map(([setting, name]) => [name, defaults[setting] === undefined ? 'none' : `\`${String(defaults[setting])}\``]);
  expect(expected.filter(([name, fallback]) => rows.get(name as string) !== fallback)).toEqual([]);
});
