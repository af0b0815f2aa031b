import { setTimeout as sleep } from 'node:timers/promises';
import { isSameProcess } from './process-identity.ts';

const POLL_MS = 25;
/** How long a process may outlive SIGKILL before it is given up on (uninterruptible sleep). */
const KILL_LIMIT_MS = 5_000;

export interface OwnedProcess {
  readonly pid: number;
  /** From `processIdentity` at the moment it was started. */
  readonly identity: string;
}

export type EndOutcome = 'not running' | 'ended' | 'killed' | 'still running';

/**
 * Ends one process that leads its own process group: `signal`, then SIGKILL for the whole group after `limitMs`.
 * A process of that number that is not the one that was started is left alone.
 */
export async function endProcess(
  owned: OwnedProcess,
  signal: NodeJS.Signals,
  limitMs: number,
): Promise<EndOutcome> {
  if (!isSameProcess(owned.pid, owned.identity)) return 'not running';
  trySignal(owned.pid, signal);
  if (await hasEnded(owned, limitMs)) return 'ended';
  trySignal(-owned.pid, 'SIGKILL');
  return (await hasEnded(owned, KILL_LIMIT_MS)) ? 'killed' : 'still running';
}

async function hasEnded(owned: OwnedProcess, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (isSameProcess(owned.pid, owned.identity)) {
    if (performance.now() >= deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}

/** Sends a signal; that the process (a negative number: the group) has ended meanwhile is no error. */
export function trySignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
