import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { StartedMillrace } from './started-millrace.ts';

const cli = fileURLToPath(new URL('../../cli/millrace.mjs', import.meta.url));

export interface CliAnswer<T> {
  readonly exitCode: number | null;
  readonly document: T;
  readonly stderr: string;
}

/** Runs a command as a user would, beside a started Millrace, with `--json`. */
export async function runCli<T>(
  started: StartedMillrace,
  projectFile: string,
  ...args: readonly string[]
): Promise<CliAnswer<T>> {
  const child = spawn(
    process.execPath,
    [cli, ...args, '--json', '--data-dir', started.dataDir, '--project', projectFile],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...started.environment } },
  );
  const [out, stderr, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  if (out === '') throw new Error(`millrace ${args.join(' ')} answered nothing (exit ${exitCode ?? 'none'}): ${stderr}`);
  return { exitCode, document: JSON.parse(out) as T, stderr };
}
