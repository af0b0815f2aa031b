import type { Command } from 'commander';
import { figure, percent } from '../../src/contracts/figures.ts';
import type { ArmResult, ExperimentResults } from '../../src/monitoring/experiment-results.ts';
import type { ComparedMetric } from '../../src/monitoring/compare-arms.ts';
import { examples } from '../add-command.ts';
import type { Act } from '../command-context.ts';
import { exitCodes } from '../exit-code.ts';
import { modelNamed } from '../model-named.ts';
import { withPostgres } from '../open-servers.ts';
import { formatTime, NONE, renderTable } from '../table.ts';

const SMALLEST_P = 0.0001;

export function addExperimentResults(experiment: Command, act: Act): void {
  experiment
    .command('results')
    .summary('compare the arms')
    .description(
      'Compares the arms by the decisions since the shares changed last and the outcomes that are known: differences to the control with intervals that hold together at 95 %, and p-values adjusted for the number of arms. Exit code 5 where the arms have other sizes than their shares explain: then nothing else holds.',
    )
    .argument('<model>', 'model name')
    .argument('[name]', 'of the experiment; the one that started last')
    .addHelpText('after', examples('millrace experiment results flight_delay', "millrace experiment results flight_delay wider --json | jq '.metrics[0]'"))
    .action(
      act(async (context, modelName: string, name: string | undefined) => {
        const model = await modelNamed(context, modelName);
        const { readExperimentResults } = await import('../../src/monitoring/experiment-results.ts');
        const results = await withPostgres(context, (postgres) => readExperimentResults(postgres, model, name ?? null));
        context.output.result(results, () => describe(results));
        return results.sampleRatio.isMismatch ? exitCodes.refused : exitCodes.ok;
      }),
    );
}

const right = (title: string) => ({ title, align: 'right' }) as const;

function describe(results: ExperimentResults): string {
  const { experiment, endedAt, endedBy, winner, arms, metrics, countedFrom, entitiesInSeveralArms } = results;
  const ended = endedAt === null ? 'It runs.' : `Ended ${formatTime(endedAt)} by ${endedBy ?? NONE}${winner === null ? '' : `, winner ${winner}`}.`;
  return [
    `Experiment ${experiment.name} of ${results.model}, started ${formatTime(experiment.startedAt)} by ${experiment.startedBy}.\n${ended}`,
    renderTable([{ title: 'ARM' }, ...['VERSION', 'SHARE', 'DECISIONS', 'ENTITIES', 'OUTCOMES', 'P95 MS'].map(right)], arms.map(armRow)),
    renderTable(
      [{ title: 'METRIC' }, { title: 'ARM' }, ...['VALUE', 'DIFFERENCE', 'LOW', 'HIGH', 'P'].map(right)],
      metrics.flatMap(metricRows),
    ),
    [
      `Counted: decisions since ${formatTime(countedFrom)}, after the last change of shares.`,
      ...(entitiesInSeveralArms === 0 ? [] : [`Left out: ${entitiesInSeveralArms} entities that more than one arm answered.`]),
      'Differences are to the control; * is the metric that decides.',
      sampleRatioLine(results),
    ].join('\n'),
  ].join('\n\n');
}

const armRow = ({ name, isControl, version, share, decisions, entities, outcomes, latencyP95Ms }: ArmResult): string[] => [
  isControl ? `${name} (control)` : name,
  String(version),
  percent(share),
  ...[decisions, entities, outcomes].map(String),
  latencyP95Ms === null ? NONE : figure(latencyP95Ms),
];

const metricRows = ({ metric, isPrimary, arms }: ComparedMetric): string[][] =>
  arms.map(({ arm, estimate, difference }, i) => [
    i === 0 ? `${metric}${isPrimary ? ' *' : ''}` : '',
    arm,
    estimate === null ? NONE : figure(estimate.value),
    ...(difference === null ? [NONE, NONE, NONE, NONE] : [difference.difference, difference.low, difference.high].map(figure)),
    ...(difference === null ? [] : [probability(difference.pValue)]),
  ]);

function sampleRatioLine({ sampleRatio: { isMismatch, pValue } }: ExperimentResults): string {
  const p = `p ${probability(pValue)}`;
  return isMismatch
    ? `SAMPLE RATIO MISMATCH: the arms have other sizes than their shares explain (${p}). Do not\nbelieve the differences: find out first which entities are missing.`
    : `Sizes of the arms fit their shares (${p}).`;
}

const probability = (p: number): string => (p < SMALLEST_P ? `< ${SMALLEST_P}` : String(Number(p.toPrecision(2))));
