import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { MillraceError } from '../src/core/millrace-error.ts';
import { releaseOnExit, terminateOnExit } from './clean-up.ts';
import { trySignal } from './end-process.ts';
import type { Environment } from './environment.ts';

const TAIL_LINES_MAX = 20;
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;

export interface ToolRun {
  readonly program: string;
  readonly args: readonly string[];
  /** By default that of this process. */
  readonly environment?: Environment;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly cwd?: string;
  /** Text for its standard input. */
  readonly input?: string;
  /** Each line of its two outputs as it comes. */
  readonly onLine?: (line: string) => void;
}

/**
 * Runs a program to its end and returns what it wrote to standard output.
 * @throws MillraceError STACK_TOOL_FAILED when it is missing, fails or overruns; the message ends with its last lines
 */
export async function runTool(run: ToolRun): Promise<string> {
  run.signal.throwIfAborted();
  // A group of its own, so that an abort also ends what the tool has started.
  const child = spawn(run.program, run.args, {
    cwd: run.cwd,
    env: run.environment,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  terminateOnExit(child);
  const output: string[] = [];
  const tail: string[] = [];
  let outputBytes = 0;
  const keep = (line: string): void => {
    run.onLine?.(line);
    tail.push(line);
    if (tail.length > TAIL_LINES_MAX) tail.shift();
  };
  forEachLine(child.stdout, (line) => {
    outputBytes += line.length + 1;
    if (outputBytes <= OUTPUT_BYTES_MAX) output.push(line);
    keep(line);
  });
  forEachLine(child.stderr, keep);
  child.stdin.on('error', () => undefined);
  child.stdin.end(run.input ?? '');
  try {
    await endOf(child, run, tail);
  } finally {
    releaseOnExit(child);
  }
  return output.join('\n');
}

function forEachLine(stream: Readable, onLine: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Infinity }).on('line', onLine);
}

function endOf(child: ChildProcess, run: ToolRun, tail: readonly string[]): Promise<void> {
  const kill = (): void => {
    if (child.pid !== undefined) trySignal(-child.pid, 'SIGKILL');
  };
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      kill();
      reject(failure(run, `it did not end within ${run.timeoutMs / 1000} s`, tail));
    }, run.timeoutMs);
    const onAbort = (): void => {
      kill();
      reject(run.signal.reason as Error);
    };
    const settle = (): void => {
      clearTimeout(timer);
      run.signal.removeEventListener('abort', onAbort);
    };
    run.signal.addEventListener('abort', onAbort, { once: true });
    child.once('error', (error) => {
      settle();
      reject(failure(run, error.message, tail));
    });
    child.once('close', (code, signal) => {
      settle();
      if (code === 0) resolve();
      else reject(failure(run, `it ended with ${signal ?? `exit code ${code}`}`, tail));
    });
  });
}

function failure(run: ToolRun, what: string, tail: readonly string[]): MillraceError {
  const command = [run.program, ...run.args].join(' ');
  const lines = tail.length === 0 ? '' : `\n${tail.join('\n')}`;
  return new MillraceError('STACK_TOOL_FAILED', `'${command}' failed: ${what}.${lines}`);
}
