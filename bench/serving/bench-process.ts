import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { processEnvironment } from '../../src/infra/process-environment.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Starts a TypeScript file of the repository as a process of its own; its output is this one's. */
export function run(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, ['--import', 'tsx', path.join(ROOT, file), ...args], {
    env: { ...processEnvironment(), ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return { child, ended: new Promise<number | null>((resolve) => child.once('exit', (code) => { resolve(code); })) };
}
