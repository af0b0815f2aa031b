import { MillraceError } from '../src/core/millrace-error.ts';
import { stopComposeServers } from './docker-compose.ts';
import { endProcess } from './end-process.ts';
import { withFileLock } from './file-lock.ts';
import { serverNames, type ServerName } from './server-name.ts';
import type { OnStackProgress } from './stack-progress.ts';
import { readStackFile, writeStackFile, type ServerState, type StackFile } from './stack-state.ts';
import { stackLock } from './stack-lock.ts';

/** What drives work ends before the stores that it writes to. */
const stopOrder: readonly (readonly ServerName[])[] = [
  ['temporal', 'kafka'],
  ['postgres', 'redis'],
];
const STOP_LIMIT_MS = 20_000;

/** Postgres takes SIGTERM for "when the last client has gone": SIGINT is its orderly end with clients connected. */
const stopSignals: Readonly<Record<ServerName, NodeJS.Signals>> = {
  temporal: 'SIGTERM',
  kafka: 'SIGTERM',
  postgres: 'SIGINT',
  redis: 'SIGTERM',
};

/**
 * Ends exactly the servers that were started for a data directory; data and ports are kept. Servers that the
 * environment named are left alone. Nothing to end is no error.
 * @throws MillraceError STACK_SERVER_FAILED when one can't be ended, STACK_BUSY, STACK_STATE_INVALID
 */
export async function stopStack(dataDir: string, onProgress: OnStackProgress): Promise<void> {
  if (readStackFile(dataDir) === undefined) return;
  await withFileLock(stackLock(dataDir, new AbortController().signal, () => undefined), async () => {
    const file = readStackFile(dataDir);
    if (file !== undefined) await stopServers(dataDir, file, onProgress);
  });
}

/** As `stopStack`, for one who holds the lock. */
export async function stopServers(dataDir: string, file: StackFile, onProgress: OnStackProgress): Promise<void> {
  for (const group of stopOrder) {
    await Promise.all(
      group.map(async (server) => {
        const state = file.servers[server];
        if (state !== undefined) await stopServer(server, state, onProgress);
      }),
    );
  }
  const composed = serverNames.filter((server) => file.servers[server]?.origin === 'compose');
  if (composed.length > 0) await stopComposeServers(composed);
  const servers = Object.fromEntries(
    Object.entries(file.servers).map(([server, { process: _ended, ...rest }]) => [server, rest]),
  );
  await writeStackFile(dataDir, { ...file, phase: 'stopped', servers });
}

async function stopServer(server: ServerName, state: ServerState, onProgress: OnStackProgress): Promise<void> {
  if (state.process === undefined) return;
  onProgress({ server, phase: 'stopping', message: `ending process ${state.process.pid}` });
  const outcome = await endProcess(state.process, stopSignals[server], STOP_LIMIT_MS);
  if (outcome === 'still running') {
    throw new MillraceError(
      'STACK_SERVER_FAILED',
      `Server '${server}': process ${state.process.pid} did not end, not even by SIGKILL. Its log is ` +
        `'${state.logFile ?? ''}'. Look whether its disk hangs.`,
    );
  }
  onProgress({ server, phase: 'stopped', message: outcome === 'killed' ? 'had to be killed' : outcome });
}
