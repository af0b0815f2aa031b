import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const PS_LIMIT_MS = 2_000;

/**
 * Tells one process from a later one that got the same number: on Linux the boot and the tick at which it
 * started, elsewhere what `ps` says about start and command.
 * @returns undefined when no such process runs (one that has ended but was not yet reaped does not run)
 */
export function processIdentity(pid: number): string | undefined {
  return process.platform === 'linux' ? linuxIdentity(pid) : psIdentity(pid);
}

export function isSameProcess(pid: number, identity: string): boolean {
  return processIdentity(pid) === identity;
}

function linuxIdentity(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The second field is the command in parentheses and may hold blanks: count from its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  const startTick = fields[19];
  if (startTick === undefined || state === 'Z' || state === 'X') return undefined;
  return `${bootId()}/${startTick}`;
}

let cachedBootId: string | undefined;

function bootId(): string {
  cachedBootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return cachedBootId;
}

function psIdentity(pid: number): string | undefined {
  try {
    const found = execFileSync('ps', ['-o', 'lstart=', '-o', 'comm=', '-p', String(pid)], {
      encoding: 'utf8',
      timeout: PS_LIMIT_MS,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return found.trim() === '' ? undefined : found.trim();
  } catch {
    return undefined;
  }
}
