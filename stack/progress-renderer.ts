import { serverNames, type ServerName } from './server-name.ts';
import type { OnStackProgress, StackPhase, StackProgress } from './stack-progress.ts';

const REDRAW_MS = 250;
const HEARTBEAT_MS = 10_000;
const DEFAULT_COLUMNS = 100;

/** The part of a terminal or file stream that is written to. */
export interface ProgressOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface ProgressRenderer {
  readonly onProgress: OnStackProgress;
  /** Draws the last state and ends all timers. */
  close(): void;
}

const endPhases: ReadonlySet<StackPhase> = new Set(['ready', 'stopped', 'failed', 'crashed']);
const marks: Partial<Record<StackPhase, string>> = { ready: '✓', stopped: '✓', failed: '✗', crashed: '✗' };

interface Line {
  readonly progress: StackProgress;
  /** When the server was first heard of. */
  readonly since: number;
  /** When its last phase was reached, once that is a final one. */
  readonly until: number | undefined;
}

/**
 * Shows progress to people: on a terminal one line for each server that is updated in place, with the time that has
 * passed; elsewhere a line for each change of state and a sign of life every ten seconds.
 */
export function createProgressRenderer(
  output: ProgressOutput,
  nowMs: () => number = () => performance.now(),
): ProgressRenderer {
  return output.isTTY === true ? terminalRenderer(output, nowMs) : plainRenderer(output, nowMs);
}

function terminalRenderer(output: ProgressOutput, nowMs: () => number): ProgressRenderer {
  const lines = new Map<ServerName, Line>();
  let drawnLines = 0;
  const draw = (): void => {
    const columns = output.columns ?? DEFAULT_COLUMNS;
    const up = drawnLines === 0 ? '' : `\x1b[${drawnLines}A`;
    const shown = serverNames.flatMap((name) => lines.get(name) ?? []);
    const text = shown.map((line) => `\x1b[2K${describe(line, nowMs()).slice(0, columns - 1)}\n`).join('');
    output.write(up + text);
    drawnLines = shown.length;
  };
  const timer = setInterval(draw, REDRAW_MS);
  timer.unref();
  return {
    onProgress: (progress) => {
      lines.set(progress.server, nextLine(lines.get(progress.server), progress, nowMs()));
      if (progress.logTail !== undefined && progress.logTail.length > 0) {
        draw();
        output.write(`${logTailText(progress)}\n`);
        drawnLines = 0;
      }
      draw();
    },
    close: () => {
      clearInterval(timer);
      draw();
    },
  };
}

function plainRenderer(output: ProgressOutput, nowMs: () => number): ProgressRenderer {
  const lines = new Map<ServerName, Line>();
  const print = (line: Line): void => {
    output.write(`${describe(line, nowMs())}\n`);
  };
  const timer = setInterval(() => {
    for (const line of lines.values()) if (line.until === undefined) print(line);
  }, HEARTBEAT_MS);
  timer.unref();
  return {
    onProgress: (progress) => {
      const before = lines.get(progress.server);
      const line = nextLine(before, progress, nowMs());
      lines.set(progress.server, line);
      if (before?.progress.phase !== progress.phase) print(line);
      if (progress.logTail !== undefined && progress.logTail.length > 0)
        output.write(`${logTailText(progress)}\n`);
    },
    close: () => {
      clearInterval(timer);
    },
  };
}

function nextLine(before: Line | undefined, progress: StackProgress, now: number): Line {
  const begins = before === undefined || before.until !== undefined;
  return {
    progress,
    since: begins ? now : before.since,
    until: endPhases.has(progress.phase) ? now : undefined,
  };
}

function describe(line: Line, now: number): string {
  const { server, phase, message } = line.progress;
  const seconds = (((line.until ?? now) - line.since) / 1000).toFixed(1);
  return `${marks[phase] ?? '·'} ${server.padEnd(9)}${phase.padEnd(9)}${seconds.padStart(6)} s  ${message}`;
}

function logTailText(progress: StackProgress): string {
  return (progress.logTail ?? []).map((line) => `    ${progress.server} | ${line}`).join('\n');
}
