import { parseArgs } from 'node:util';
import {
  compareDecisions,
  type Comparison,
  type Mismatch,
} from '../../test/support/naive/compare-decisions.ts';
import { drawDecisions } from '../../test/support/naive/stored-decision.ts';
import { connectRun } from './connect-run.ts';

const SAMPLE_MAX = 100_000;
const MISMATCHES_SHOWN = 20;

const usage = `Usage: npm run verify:decisions -- [options]

Draws decisions at random, recomputes their features from the raw rows of the offline logs up to exactly the
fences that were read, and compares every float32 bit for bit. Exit code 1 where anything differs.

  --data-dir DIR    of the run (default .millrace); its servers must be up
  --sample N        how many decisions (default 2000)
  --seed TEXT       draws the same ones again (default: the time)
  --project FILE    project file (default examples/flights/project.ts)
  --model NAME      default: the project's first
  --json            one JSON document instead of the table`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      'data-dir': { type: 'string', default: '.millrace' },
      sample: { type: 'string', default: '2000' },
      seed: { type: 'string', default: String(Date.now()) },
      project: { type: 'string' },
      model: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const sample = Number(values.sample);
  if (!Number.isInteger(sample) || sample < 1 || sample > SAMPLE_MAX) {
    throw new Error(`--sample: expected a whole number from 1 to ${SAMPLE_MAX}, found '${values.sample}'.`);
  }
  const startedAt = performance.now();
  const run = await connectRun({ dataDir: values['data-dir'], project: values.project, model: values.model });
  try {
    const decisions = await drawDecisions(run.postgres, run.model.name, { sample, seed: values.seed });
    if (decisions.length === 0)
      throw new Error(`Model '${run.model.name}' has no stored decisions to verify.`);
    const comparison = await compareDecisions(run.postgres, run.model.service, decisions);
    const seconds = (performance.now() - startedAt) / 1_000;
    const facts = { model: run.model.name, seed: values.seed, seconds: Number(seconds.toFixed(1)) };
    console.log(
      values.json ? JSON.stringify({ ...facts, ...comparison }, null, 2) : tableOf(comparison, facts),
    );
    return comparison.mismatches.length === 0 ? 0 : 1;
  } finally {
    await run.close();
  }
}

function tableOf(comparison: Comparison, facts: { model: string; seed: string; seconds: number }): string {
  const { mismatches } = comparison;
  const pairs: [string, string | number][] = [
    ['model', facts.model],
    ['seed', facts.seed],
    ['decisions compared', comparison.decisions],
    ['values compared', comparison.values],
    ['numbers not null', comparison.numbersPresent],
    ['mismatches', mismatches.length],
    ['seconds', facts.seconds],
  ];
  const lines = pairs.map(([name, value]) => `${name.padEnd(20)}${value}`);
  if (mismatches.length > 0) {
    lines.push('', ['feature', 'key', 'as of', 'served', 'expected', 'decision'].join('\t'));
    lines.push(...mismatches.slice(0, MISMATCHES_SHOWN).map(rowOf));
    if (mismatches.length > MISMATCHES_SHOWN) lines.push(`and ${mismatches.length - MISMATCHES_SHOWN} more`);
    lines.push('', 'by feature', ...countsByFeature(mismatches));
  }
  return lines.join('\n');
}

const rowOf = ({ feature, entityKey, asOf, served, expected, decision }: Mismatch): string =>
  [
    feature,
    (entityKey ?? '-').replaceAll('\u001f', '/'),
    new Date(asOf).toISOString(),
    served,
    expected,
    decision,
  ].join('\t');

function countsByFeature(mismatches: readonly Mismatch[]): string[] {
  const counts = new Map<string, number>();
  for (const { feature } of mismatches) counts.set(feature, (counts.get(feature) ?? 0) + 1);
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([feature, count]) => `${String(count).padStart(8)}  ${feature}`);
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  return 2;
});
