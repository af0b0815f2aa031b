import { MillraceError } from '../src/core/millrace-error.ts';
import { endProcess } from './end-process.ts';
import type { ServerName } from './server-name.ts';
import type { OnStackProgress } from './stack-progress.ts';
import type { ServerState } from './stack-state.ts';

const STOP_LIMIT_MS = 20_000;

/** Postgres takes SIGTERM for "when the last client has gone": SIGINT is its orderly end with clients connected. */
const stopSignals: Readonly<Record<ServerName, NodeJS.Signals>> = {
  temporal: 'SIGTERM',
  kafka: 'SIGTERM',
  postgres: 'SIGINT',
  redis: 'SIGTERM',
};

/**
 * Ends the process of a server in its orderly way, by force after a limit. A server without one is left alone.
 * @throws MillraceError STACK_SERVER_FAILED when it does not end
 */
export async function stopServer(
  server: ServerName,
  state: ServerState,
  onProgress: OnStackProgress,
): Promise<void> {
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
