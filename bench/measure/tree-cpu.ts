import { readdirSync, readFileSync } from 'node:fs';

/** The kernel's unit of a process's times (USER_HZ), the same on all machines that Linux runs on here. */
const TICK_MS = 10;
/** Fields of /proc/PID/stat behind the name in parentheses. */
const PARENT_FIELD = 1;
const USER_FIELD = 11;
const SYSTEM_FIELD = 12;

interface ProcessTimes {
  readonly parent: number;
  readonly cpuMs: number;
}

/**
 * CPU time of a process and all that descend from it and live, in ms: what a server costs, however busy the machine is.
 * NaN where there is no /proc.
 */
export function treeCpuMs(pid: number): number {
  const all = readTimes();
  if (all === undefined) return Number.NaN;
  const isOf = (one: number): boolean => {
    for (let at: number | undefined = one; at !== undefined && at > 0; at = all.get(at)?.parent) if (at === pid) return true;
    return false;
  };
  return [...all].reduce((sum, [one, { cpuMs }]) => (isOf(one) ? sum + cpuMs : sum), 0);
}

function readTimes(): Map<number, ProcessTimes> | undefined {
  try {
    return new Map(
      readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .flatMap((name): [number, ProcessTimes][] => {
          const times = readStat(name);
          return times === undefined ? [] : [[Number(name), times]];
        }),
    );
  } catch {
    return undefined;
  }
}

/** Undefined for a process that has ended since it was listed. */
function readStat(pid: string): ProcessTimes | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[PARENT_FIELD]), cpuMs: (Number(fields[USER_FIELD]) + Number(fields[SYSTEM_FIELD])) * TICK_MS };
  } catch {
    return undefined;
  }
}
