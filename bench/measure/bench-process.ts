import { spawn, type ChildProcess, type SerializationType, type StdioOptions } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { processEnvironment } from '../../src/infra/process-environment.ts';
import { pinned } from './pinned.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface BenchProcessOptions {
  /** Over those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Core that it stays on; any by default. */
  readonly core?: number | undefined;
  readonly stdio?: StdioOptions;
  readonly serialization?: SerializationType;
  /** Of Node, behind the loader of TypeScript. */
  readonly nodeArgs?: readonly string[];
}

/** Starts a TypeScript file of the repository as a process of its own; its output is this one's. */
export function run(
  file: string,
  args: readonly string[],
  { environment = {}, core, stdio = ['ignore', 'inherit', 'inherit'], serialization, nodeArgs = [] }: BenchProcessOptions = {},
): { readonly child: ChildProcess; readonly ended: Promise<number | null> } {
  const [program, programArgs] = pinned(core, process.execPath, ['--import', 'tsx', ...nodeArgs, path.join(ROOT, file), ...args]);
  const child = spawn(program, programArgs, { env: { ...processEnvironment(), ...environment }, stdio, serialization });
  return { child, ended: new Promise((resolve) => child.once('exit', (code) => { resolve(code); })) };
}
