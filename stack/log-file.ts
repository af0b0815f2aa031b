import { closeSync, openSync, readSync, fstatSync } from 'node:fs';
import { rename, stat } from 'node:fs/promises';

const TAIL_LINES_MAX = 20;
const TAIL_BYTES_MAX = 16 * 1024;
const LOG_BYTES_MAX = 64 * 1024 * 1024;

/** The last lines of a log, oldest first; empty where there is none. */
export function readLogTail(logFile: string, from = 0): string[] {
  let file: number;
  try {
    file = openSync(logFile, 'r');
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(file);
    const length = Math.min(Math.max(0, size - from), TAIL_BYTES_MAX);
    const bytes = Buffer.alloc(length);
    readSync(file, bytes, 0, length, size - length);
    const lines = bytes
      .toString('utf8')
      .split('\n')
      .filter((line) => line.trim() !== '');
    return lines.slice(-TAIL_LINES_MAX);
  } finally {
    closeSync(file);
  }
}

/** Keeps one older log beside the current one, so that logs of many starts stay bounded. */
export async function rotateLog(logFile: string): Promise<void> {
  const found = await stat(logFile).catch(() => undefined);
  if (found !== undefined && found.size > LOG_BYTES_MAX) await rename(logFile, `${logFile}.1`);
}
