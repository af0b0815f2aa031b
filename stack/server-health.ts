import { isSameProcess } from './process-identity.ts';
import { probeServer } from './probe-server.ts';
import type { ServerName } from './server-name.ts';
import type { OnStackProgress } from './stack-progress.ts';
import type { ServerState } from './stack-state.ts';
import { stopServer } from './stop-server.ts';

/**
 * A server of an earlier start that still runs and answers. One that runs but does not answer is ended, since it
 * holds the data directory that its successor needs.
 */
export async function healthyServer(
  server: ServerName,
  state: ServerState,
  onProgress: OnStackProgress,
): Promise<ServerState | undefined> {
  if (state.origin === 'environment') return undefined;
  if (state.origin === 'compose') return (await probeServer(server, state.address)) ? state : undefined;
  if (state.process === undefined) return undefined;
  const { pid, identity } = state.process;
  if (!isSameProcess(pid, identity)) return undefined;
  if (await probeServer(server, state.address)) return state;
  await stopServer(server, state, onProgress);
  return undefined;
}
