import { markdownTable } from '../measure/markdown-table.ts';
import { runHeading } from '../measure/run-heading.ts';

export interface Comparison {
  readonly what: string;
  readonly unit: string;
  readonly millrace: number;
  readonly feast: number;
  readonly better: 'more' | 'less';
}

/** A Markdown table with the ratio that says how many times better Millrace is, and what, where and when it was measured. */
export function printComparison(comparisons: readonly Comparison[], peer: string, command: string): void {
  const rows = comparisons.map(({ what, unit, millrace, feast, better }) => {
    const ratio = better === 'more' ? millrace / feast : feast / millrace;
    return [what, unit, millrace, feast, ratio.toFixed(ratio < 10 ? 1 : 0)];
  });
  console.log(`${runHeading(command)}\n`);
  console.log(markdownTable(['what', 'unit', 'Millrace', peer, 'times better'], rows));
}
