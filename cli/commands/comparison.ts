import { figure, percent } from '../../src/contracts/figures.ts';
import { flipRateOf, segmentName, type ComparedAnswers, type ShadowComparison } from '../../src/contracts/shadow-comparison.ts';
import { newestRollout, shadowComparison } from '../../src/infra/newest-comparison.ts';
import { examples, type AddCommand } from '../add-command.ts';
import { exitCodes } from '../exit-code.ts';
import { withTemporal } from '../open-servers.ts';
import { renderTable } from '../table.ts';

export const addComparison: AddCommand = (program, act) => {
  program
    .command('comparison')
    .summary("a shadow's answers beside the champion's")
    .description(
      "Shows how the shadow's answers in the newest rollout of a model compare with the champion's: flips and score distances, over all answers and in the segments that are furthest beyond their bounds or nearest to them. Exit code 4 where there is none.",
    )
    .argument('<model>', 'model name')
    .addHelpText('after', examples('millrace comparison flight_delay', "millrace comparison flight_delay --json | jq '.comparison.overall'"))
    .action(
      act((context, model: string) =>
        withTemporal(context, `reading the comparison of '${model}'`, async (client, { namespace }) => {
          const workflowId = (await newestRollout(client, namespace, model))?.workflowId ?? null;
          const comparison = workflowId === null ? null : await shadowComparison(client, workflowId);
          context.output.result({ model, workflowId, comparison }, () => describe(model, workflowId, comparison));
          return comparison === null ? exitCodes.notFound : exitCodes.ok;
        }),
      ),
    );
};

function describe(model: string, workflowId: string | null, comparison: ShadowComparison | null): string {
  if (workflowId === null) return `Temporal knows no rollout of model '${model}'.`;
  if (comparison === null) return `${workflowId}: no answers of a shadow were compared.`;
  const { overall, ks, segments, judgedSegments } = comparison;
  const right = (title: string) => ({ title, align: 'right' }) as const;
  const columns = [
    { title: 'ANSWERS OF' },
    ...['ANSWERS', 'AGREE', 'TO POSITIVE', 'TO NEGATIVE', 'DISTANCE', 'P95', 'MOST'].map(right),
  ];
  return [
    workflowId,
    renderTable(columns, [rowOf('all', overall), ...segments.map((segment) => rowOf(segmentName(segment), segment))]),
    `Kolmogorov-Smirnov distance of the scores: ${figure(ks)}. Segments with enough answers to be judged: ${judgedSegments}.`,
  ].join('\n');
}

const rowOf = (name: string, found: ComparedAnswers): string[] => [
  name,
  String(found.answers),
  percent(1 - flipRateOf(found)),
  String(found.toPositive),
  String(found.toNegative),
  ...[found.meanDistance, found.p95Distance, found.maxDistance].map(figure),
];
