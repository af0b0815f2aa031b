import { fileURLToPath } from 'node:url';
import type { ProcessName } from './process-name.ts';

/** Arguments of node for a process. By URL, so that the working directory does not decide which tsx is loaded. */
export function workerArguments(name: ProcessName): string[] {
  const file = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  return ['--import', import.meta.resolve('tsx'), file];
}
