import { join } from 'node:path';
import type { FileLockOptions } from './file-lock.ts';

/** The first start of a bare machine, which builds. */
const WAIT_LIMIT_MS = 45 * 60_000;

/** Of the processes that would start or stop the servers of a data directory, one does at a time. */
export function stackLock(
  dataDir: string,
  signal: AbortSignal,
  onWait: (holderPid: number) => void,
): FileLockOptions {
  return {
    lockFile: join(dataDir, 'stack.lock'),
    what: `the stack of '${dataDir}'`,
    signal,
    waitLimitMs: WAIT_LIMIT_MS,
    onWait,
  };
}
