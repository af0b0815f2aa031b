import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { StartedMillrace } from './started-millrace.ts';

const cli = fileURLToPath(new URL('../../cli/millrace.mjs', import.meta.url));

/** The document that a command prints, run as a user would beside a started Millrace, with `--json`. */
export async function runCli<T>(
  started: StartedMillrace,
  projectFile: string,
  ...args: readonly string[]
): Promise<T> {
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
  if (exitCode !== 0 || out === '')
    throw new Error(`millrace ${args.join(' ')} ended with ${exitCode ?? 'a signal'}: ${out}${stderr}`);
  return JSON.parse(out) as T;
}
