import { closeSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';

export interface RotatingLogOptions {
  /** A file that would grow beyond it is put aside as `<file>.1` and a new one begun. */
  readonly bytesMax: number;
  /** How many put-aside files are kept, `<file>.1` the newest. */
  readonly filesKept: number;
  /** How many of the last lines stay in memory. */
  readonly tailLinesMax: number;
}

const optionsDefault: RotatingLogOptions = { bytesMax: 16 * 1024 * 1024, filesKept: 2, tailLinesMax: 20 };

/** A log file that is appended to and never grows beyond its limit. */
export interface RotatingLog {
  readonly file: string;
  readonly write: (chunk: Buffer) => void;
  /** The last lines written since this log was opened, oldest first. */
  tail(): readonly string[];
  close(): void;
}

/**
 * Writes are synchronous: what a process said before it died is in the file when its death is reported.
 * The price is a few microseconds a chunk, paid by the supervisor, which does little else.
 */
export function openRotatingLog(file: string, options: Partial<RotatingLogOptions> = {}): RotatingLog {
  const { bytesMax, filesKept, tailLinesMax } = { ...optionsDefault, ...options };
  mkdirSync(path.dirname(file), { recursive: true });
  let descriptor = openSync(file, 'a');
  let bytes = statSync(file).size;
  const lines: string[] = [];
  let partial = '';

  const rotate = (): void => {
    closeSync(descriptor);
    for (let age = filesKept; age >= 1; age--) {
      const from = age === 1 ? file : `${file}.${age - 1}`;
      if (statSync(from, { throwIfNoEntry: false }) !== undefined) renameSync(from, `${file}.${age}`);
    }
    descriptor = openSync(file, 'w');
    bytes = 0;
  };
  const remember = (chunk: Buffer): void => {
    const pieces = (partial + chunk.toString('utf8')).split('\n');
    // A line without an end must not grow without an end.
    partial = (pieces.pop() ?? '').slice(-bytesMax);
    lines.push(...pieces.slice(-tailLinesMax));
    if (lines.length > tailLinesMax) lines.splice(0, lines.length - tailLinesMax);
  };

  return {
    file,
    write(chunk) {
      if (bytes > 0 && bytes + chunk.length > bytesMax) rotate();
      writeSync(descriptor, chunk);
      bytes += chunk.length;
      remember(chunk);
    },
    tail: () => (partial === '' ? [...lines] : [...lines, partial]),
    close: () => closeSync(descriptor),
  };
}
