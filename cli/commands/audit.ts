import type { WorkflowHandle } from '@temporalio/client';
import {
  auditQueries,
  describeTally,
  everyDecision,
  mostAffected,
  type AuditInput,
  type AuditMismatch,
  type AuditProgress,
  type AuditResult,
} from '../../src/contracts/audit.ts';
import { searchAttributes, workflowIds } from '../../src/contracts/lifecycle.ts';
import { createNames } from '../../src/contracts/names.ts';
import { shownEntityKey } from '../../src/define/entity.ts';
import { examples, parseMoment, parsePositiveInteger, type AddCommand } from '../add-command.ts';
import { exitCodes } from '../exit-code.ts';
import { operatorName } from '../lifecycle-client.ts';
import { modelNamed } from '../model-named.ts';
import { withTemporal } from '../open-servers.ts';
import { formatTime, NONE, renderPairs, renderTable } from '../table.ts';

const WORKFLOW_TYPE = 'auditSkew';
const FEATURES_SHOWN_MAX = 10;
const PROGRESS_EVERY_MS = 2_000;

interface AuditOptions {
  readonly sample?: number;
  readonly from?: number;
  readonly to?: number;
  readonly wait?: boolean;
}

export const addAudit: AddCommand = (program, act) => {
  program
    .command('audit')
    .summary('recompute what was served from the raw rows')
    .description(
      'Recomputes served decisions of a model by SQL from the raw rows, up to exactly what was read, compares every value bit for bit, and stores a certificate. With --wait: exit code 1 where a value differs.',
    )
    .argument('<model>', 'model name')
    .option('--sample <decisions>', 'so many, drawn at random (default all)', parsePositiveInteger)
    .option('--from <time>', 'decision times from: ISO 8601 or ms since the epoch', parseMoment)
    .option('--to <time>', 'decision times before', parseMoment)
    .option('--wait', 'wait for the result')
    .addHelpText('after', examples('millrace audit flight_delay --sample 2000 --wait'))
    .action(
      act(async (context, modelName: string, options: AuditOptions) => {
        const model = await modelNamed(context, modelName);
        return withTemporal(context, `auditing '${model.name}'`, async (client, { namespace }) => {
          const { defineSearchAttributeKey, SearchAttributeType } = await import('@temporalio/common');
          const input: AuditInput = {
            namespace,
            model: model.name,
            scope: {
              ...everyDecision,
              sample: options.sample ?? null,
              from: options.from ?? null,
              to: options.to ?? null,
            },
            requestedBy: operatorName(),
          };
          const handle = await client.workflow.start(WORKFLOW_TYPE, {
            workflowId: workflowIds.auditSkew(namespace, model.name, `asked-${Date.now().toString(36)}`),
            taskQueue: createNames(namespace).taskQueue('orchestration'),
            args: [input],
            typedSearchAttributes: [
              {
                key: defineSearchAttributeKey(searchAttributes.model, SearchAttributeType.KEYWORD),
                value: model.name,
              },
            ],
          });
          context.output.note(`Workflow ${handle.workflowId} runs.`);
          if (options.wait !== true) {
            const { workflowId, firstExecutionRunId: runId } = handle;
            context.output.result({ workflowId, runId }, () => 'Not waited for.');
            return exitCodes.ok;
          }
          const result = await followAudit(handle, (line) => context.output.note(line));
          context.output.result(result, () => describeResult(result));
          return result.verdict === 'mismatched' ? exitCodes.failed : exitCodes.ok;
        });
      }),
    );
};

/** Waits for the result and says in between how far it is. */
async function followAudit(
  handle: Pick<WorkflowHandle, 'query' | 'result'>,
  say: (line: string) => void,
): Promise<AuditResult> {
  let before = 0;
  const timer = setInterval(() => {
    handle.query<AuditProgress>(auditQueries.progress).then(
      ({ done, of, mismatched }) => {
        if (done === before) return;
        before = done;
        say(`${done}${of === null ? '' : ` of ${of}`} decisions, ${mismatched} values differ.`);
      },
      // Between two runs, or with no worker to ask: the result is what counts.
      () => undefined,
    );
  }, PROGRESS_EVERY_MS);
  try {
    return (await handle.result()) as AuditResult;
  } finally {
    clearInterval(timer);
  }
}

function describeResult({ verdict, certificate, digest, tally }: AuditResult): string {
  const head = renderPairs([
    ['verdict', verdict],
    ['found', describeTally(tally)],
    ['decided', `${formatTime(tally.from)} to ${formatTime(tally.to)}`],
    ['certificate', certificate === null ? NONE : `${certificate}, sha256 ${digest ?? NONE}`],
  ]);
  return [
    head,
    ...tally.mismatches.map(describeMismatch),
    ...(tally.stale === 0 ? [] : [countTable('STALE FEATURE', tally.staleFeatures)]),
  ].join('\n\n');
}

/** What differs, and where to look; names are never cut. */
function describeMismatch(mismatch: AuditMismatch): string {
  const { feature, entityKey, window, served, recomputed, decision, version, asOf, events, beyondGrace } = mismatch;
  const key = entityKey === null ? '' : ` of ${shownEntityKey(entityKey)}`;
  const seen =
    events === null
      ? []
      : [`events seen ${events.count}`, ...events.newest.map(([partition, offset]) => `${partition}/${offset}`)];
  return [
    `${feature}${key}: served ${served ?? NONE}, raw rows ${recomputed ?? NONE}`,
    `  decision ${decision}, version ${version}, as of ${formatTime(asOf)}${window === null ? '' : `, window ${window}`}`,
    ...(seen.length === 0 ? [] : [`  ${seen.join(' ')}`]),
    ...(beyondGrace ? ['  read more than an hour before the newest event of its state: tiles may be dropped'] : []),
  ].join('\n');
}

const countTable = (title: string, counts: Readonly<Record<string, number>>): string =>
  renderTable(
    [{ title }, { title: 'VALUES', align: 'right' }],
    mostAffected(counts)
      .slice(0, FEATURES_SHOWN_MAX)
      .map(([feature, values]) => [feature, String(values)]),
  );
