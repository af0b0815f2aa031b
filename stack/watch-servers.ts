import { readLogTail } from './log-file.ts';
import { isSameProcess } from './process-identity.ts';
import { serverNames } from './server-name.ts';
import type { OnStackProgress } from './stack-progress.ts';
import type { StackState } from './stack-state.ts';

const LOOK_EVERY_MS = 1000;

/**
 * Reports each server that ends, once, with the end of its log. Works for servers that an earlier process started,
 * and keeps no process alive.
 * @returns stops watching
 */
export function watchServers(state: StackState, onProgress: OnStackProgress): () => void {
  const watched = new Set(serverNames);
  const timer = setInterval(() => {
    for (const server of watched) {
      const { process: owned, logFile } = state.servers[server];
      if (owned !== undefined && isSameProcess(owned.pid, owned.identity)) continue;
      watched.delete(server);
      if (owned === undefined) continue;
      onProgress({
        server,
        phase: 'crashed',
        message:
          `process ${owned.pid} has ended` + (logFile === undefined ? '' : `, its log is '${logFile}'`),
        logTail: logFile === undefined ? [] : readLogTail(logFile),
      });
    }
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}
