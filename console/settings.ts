import { z } from 'zod';
import { readSettings, type Environment } from '../src/infra/settings.ts';

const positive = (max: number) => z.coerce.number().int().min(1).max(max);
const HOUR_MS = 3_600_000;

const schema = z.object({
  host: z.string().min(1).default('127.0.0.1'),
  port: z.coerce.number().int().min(0).max(65_535).default(7490),
  keepMs: positive(HOUR_MS).default(1_000),
  readTimeoutMs: positive(HOUR_MS).default(3_000),
  headersTimeoutMs: positive(HOUR_MS).default(5_000),
  streamMetricsUrl: z.url({ protocol: /^https?$/ }).optional(),
  // It becomes a link of the page.
  temporalUiUrl: z.url({ protocol: /^https?$/ }).optional(),
});

/** Settings of a console process; docs/console.md says what each is for. */
export type ConsoleSettings = Readonly<z.output<typeof schema>>;

export const consoleSettingNames = {
  host: 'MILLRACE_CONSOLE_HOST',
  port: 'MILLRACE_CONSOLE_PORT',
  keepMs: 'MILLRACE_CONSOLE_KEEP_MS',
  readTimeoutMs: 'MILLRACE_CONSOLE_READ_TIMEOUT_MS',
  headersTimeoutMs: 'MILLRACE_CONSOLE_HEADERS_TIMEOUT_MS',
  streamMetricsUrl: 'MILLRACE_CONSOLE_STREAM_METRICS_URL',
  temporalUiUrl: 'MILLRACE_TEMPORAL_UI_URL',
} as const;

/** @throws MillraceError CONFIG_INVALID naming every wrong variable */
export function loadConsoleSettings(environment: Environment): ConsoleSettings {
  return readSettings(schema, consoleSettingNames, environment);
}
