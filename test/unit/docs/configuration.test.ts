import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { consoleSettingNames, loadConsoleSettings } from '../../../console/settings.ts';
import { loadServingSettings, servingSettingNames } from '../../../serving/settings.ts';
import { baseConfigNames, loadBaseConfig } from '../../../src/infra/base-config.ts';
import { coldLogConfigNames, loadColdLogConfig } from '../../../src/infra/cold-log-config.ts';
import { securityNames, securityShape } from '../../../src/infra/server-security.ts';
import { loadTracingConfig, tracingConfigNames } from '../../../src/infra/tracing-config.ts';
import { gatewaySettingNames, loadGatewaySettings } from '../../../src/stream/gateway-settings.ts';
import { repositoryRoot } from '../../support/repository-files.ts';

const page = readFileSync(path.join(repositoryRoot, 'docs/configuration.md'), 'utf8');
const rows = new Map(
  [...page.matchAll(/^\| `(MILLRACE_[A-Z_0-9]+)` \| (.+) \| (.+) \|$/gm)].map(([, name, what, fallback]) => [
    name as string,
    { what, fallback },
  ]),
);

/** The standard ones are OpenTelemetry's to document. */
const tracingNames = Object.fromEntries(Object.entries(tracingConfigNames).filter(([, name]) => name.startsWith('MILLRACE_')));
const base = loadBaseConfig({ MILLRACE_PROJECT: 'x.ts' });
const groups: readonly [string, Readonly<Record<string, string>>, Readonly<Record<string, unknown>>][] = [
  ['every process', baseConfigNames, { ...base, project: undefined }],
  ['TLS and credentials', securityNames, z.object(securityShape).parse({})],
  ['tracing', tracingNames, { ...loadTracingConfig({}), endpoint: undefined }],
  ['the cold log', coldLogConfigNames, loadColdLogConfig({})],
  ['the gateway', gatewaySettingNames, loadGatewaySettings({})],
  ['serving', servingSettingNames, loadServingSettings({})],
  ['the console', consoleSettingNames, loadConsoleSettings({})],
];

/** A list is shown as it is written in the environment. */
const textOf = (value: unknown): string =>
  Array.isArray(value) ? value.join(',') : JSON.stringify(value).replace(/^"|"$/g, '');

test.each(groups)(
  'the settings of %s are on the page with the defaults that the code has',
  (_what, names, defaults) => {
    const expected = Object.entries(names).map(
      ([setting, variable]) => [variable, defaults[setting]] as const,
    );
    const wrong = expected.filter(([variable, value]) => {
      const documented = rows.get(variable)?.fallback;
      // Without a default the page says in words what happens.
      return value === undefined
        ? documented === undefined || documented.startsWith('`')
        : documented !== `\`${textOf(value)}\``;
    });
    expect(wrong).toEqual([]);
  },
);

test('the page has no variable twice', () => {
  const names = [...page.matchAll(/^\| `(MILLRACE_[A-Z_0-9]+)`/gm)].map(([, name]) => name);
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});
