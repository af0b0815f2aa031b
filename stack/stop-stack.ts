import { stopComposeServers } from './docker-compose.ts';
import { withFileLock } from './file-lock.ts';
import { serverNames, type ServerName } from './server-name.ts';
import { stackLock } from './stack-lock.ts';
import type { OnStackProgress } from './stack-progress.ts';
import { readStackFile, writeStackFile, type StackFile } from './stack-state.ts';
import { stopServer } from './stop-server.ts';

/** What drives work ends before the stores that it writes to. */
const stopOrder: readonly (readonly ServerName[])[] = [
  ['temporal', 'kafka'],
  ['postgres', 'redis'],
];

/**
 * Ends exactly the servers that were started for a data directory; data and ports are kept. Servers that the
 * environment named are left alone. Nothing to end is no error.
 * @throws MillraceError STACK_SERVER_FAILED when one can't be ended, STACK_BUSY, STACK_STATE_INVALID
 */
export async function stopStack(dataDir: string, onProgress: OnStackProgress): Promise<void> {
  if (readStackFile(dataDir) === undefined) return;
  const lock = stackLock(dataDir, new AbortController().signal, (pid) => {
    for (const server of serverNames) {
      onProgress({
        server,
        phase: 'stopping',
        message: `waiting for process ${pid}, which is starting or stopping it`,
      });
    }
  });
  await withFileLock(lock, async () => {
    const file = readStackFile(dataDir);
    if (file !== undefined) await stopServers(dataDir, file, onProgress, serverNames);
  });
}

/** Ends some of a stack's servers, for one who holds its lock. */
export async function stopServers(
  dataDir: string,
  file: StackFile,
  onProgress: OnStackProgress,
  which: readonly ServerName[],
): Promise<void> {
  for (const group of stopOrder) {
    await Promise.all(
      group.map(async (server) => {
        const state = which.includes(server) ? file.servers[server] : undefined;
        if (state !== undefined) await stopServer(server, state, onProgress);
      }),
    );
  }
  const composed = which.filter((server) => file.servers[server]?.origin === 'compose');
  if (composed.length > 0) await stopComposeServers(composed);
  const servers = { ...file.servers };
  for (const server of which) {
    const state = servers[server];
    if (state === undefined) continue;
    const { process: _ended, ...kept } = state;
    servers[server] = kept;
  }
  await writeStackFile(dataDir, { ...file, phase: 'stopped', servers });
}
