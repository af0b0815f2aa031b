import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { choosePort, LOOPBACK } from './free-port.ts';
import { findTemporal } from './find-temporal.ts';
import { searchAttributeTypes } from './temporal-namespace.ts';
import { serverFolder, startPlanned, type ServerStarter } from './server-starter.ts';

const READY_LIMIT_MS = 60_000;

/**
 * The one history shard polls its queues 20 times a second by default, which makes every workflow task wait for a
 * multiple of 50 ms.
 */
const dynamicConfig: Readonly<Record<string, number>> = {
  'history.transferProcessorMaxPollRPS': 2000,
  'history.timerProcessorMaxPollRPS': 500,
  'history.visibilityProcessorMaxPollRPS': 200,
};

/** With SQLite's defaults each of a workflow's many small commits waits for the disk: 5 to 9 workflows a second. */
const sqlitePragmas: Readonly<Record<string, string>> = { journal_mode: 'wal', synchronous: '1' };

/** Temporal's development server with its Web UI; its state is one SQLite file in the data directory. */
export function createTemporalStarter(namespace: string): ServerStarter {
  return async (context) => {
    const program = await findTemporal(context);
    if (program === undefined) return undefined;
    const { environment, rememberedPorts: remembered } = context;
    const choose = (variable: string, purpose: string): Promise<number> =>
      choosePort({ variable, remembered: remembered[purpose] }, environment);
    const main = await choose('MILLRACE_TEMPORAL_PORT', 'main');
    const ui = await choose('MILLRACE_TEMPORAL_UI_PORT', 'ui');
    const http = await choose('MILLRACE_TEMPORAL_HTTP_PORT', 'http');
    const metrics = await choose('MILLRACE_TEMPORAL_METRICS_PORT', 'metrics');
    const folder = serverFolder(context, 'temporal');
    await mkdir(folder, { recursive: true });
    context.report('waiting until it answers', 'starting');
    const args = [
      ...['server', 'start-dev', '--ip', LOOPBACK, '--ui-ip', LOOPBACK],
      ...['--port', String(main), '--http-port', String(http)],
      ...['--ui-port', String(ui), '--metrics-port', String(metrics)],
      ...['--db-filename', join(folder, 'temporal.db'), '--namespace', namespace, '--log-level', 'warn'],
      ...flags('--search-attribute', searchAttributeTypes),
      ...flags('--dynamic-config-value', dynamicConfig),
      ...flags('--sqlite-pragma', sqlitePragmas),
    ];
    return await startPlanned(
      {
        server: 'temporal',
        program,
        args,
        cwd: folder,
        address: `${LOOPBACK}:${main}`,
        ports: { main, http, ui, metrics },
        readyLimitMs: READY_LIMIT_MS,
      },
      context,
    );
  };
}

function flags(flag: string, values: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(values).flatMap(([key, value]) => [flag, `${key}=${value}`]);
}
