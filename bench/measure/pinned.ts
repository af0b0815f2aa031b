import { existsSync } from 'node:fs';
import os from 'node:os';

const TASKSET = '/usr/bin/taskset';

/** Whether server and load can have a core each. */
export const canPin = existsSync(TASKSET) && os.cpus().length > 1;

/** The core of what is measured, and the one of the load and of all else; undefined where processes can't be kept apart. */
export const SERVER_CORE = canPin ? 0 : undefined;
export const LOAD_CORE = canPin ? 1 : undefined;

/** A command line that stays on a core, with what it starts. */
export function pinned(core: number | undefined, program: string, args: readonly string[]): [program: string, args: string[]] {
  return core === undefined || !canPin ? [program, [...args]] : [TASKSET, ['-c', String(core), program, ...args]];
}
