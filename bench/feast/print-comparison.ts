import { execFileSync } from 'node:child_process';
import os from 'node:os';

export interface Comparison {
  readonly what: string;
  readonly unit: string;
  readonly millrace: number;
  readonly feast: number;
  readonly better: 'more' | 'less';
}

/** A Markdown table with the ratio that says how many times better Millrace is, and what, where and when it was measured. */
export function printComparison(comparisons: readonly Comparison[], peer: string, command: string): void {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const [cpu] = os.cpus();
  console.log(`\`${command}\`, commit ${commit}, ${cpu?.model.trim() ?? 'unknown CPU'} x ${os.cpus().length}, Node ${process.version}, load ${os.loadavg()[0]!.toFixed(1)}\n`);
  console.log(`| what | unit | Millrace | ${peer} | times better |\n|---|---|---|---|---|`);
  for (const { what, unit, millrace, feast, better } of comparisons) {
    const ratio = better === 'more' ? millrace / feast : feast / millrace;
    console.log(`| ${what} | ${unit} | ${shown(millrace)} | ${shown(feast)} | ${ratio.toFixed(ratio < 10 ? 1 : 0)} |`);
  }
}

const shown = (value: number): string => (value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toFixed(2));
