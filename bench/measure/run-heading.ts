import { execFileSync } from 'node:child_process';
import os from 'node:os';
import { ROOT } from './bench-process.ts';

/** One line that says what was run, on what and when: figures without it mean nothing. */
export function runHeading(command: string): string {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim();
  const [cpu] = os.cpus();
  const machine = `${cpu?.model.trim() ?? 'unknown CPU'}, ${os.cpus().length} cores, load ${os.loadavg()[0]!.toFixed(1)}, Node ${process.version}`;
  return `\`${command}\`, commit ${commit}; ${machine}`;
}
