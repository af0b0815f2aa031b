import {
  searchAttributes,
  workflowIds,
  type MaterializeInput,
  type MaterializeResult,
} from '../../src/contracts/lifecycle.ts';
import { createNames } from '../../src/contracts/names.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { loadProject } from '../../src/infra/load-project.ts';
import { examples, type AddCommand } from '../add-command.ts';
import { exitCodes } from '../exit-code.ts';
import { withTemporal } from '../open-servers.ts';

const WORKFLOW_TYPE = 'materializeFeatures';

export const addMaterialize: AddCommand = (program, act) => {
  program
    .command('materialize')
    .summary("rebuild a view's online states")
    .description(
      'Rebuilds the online states of a feature view from the offline log, partition by partition. Live events that arrive meanwhile are neither lost nor counted twice. A rebuild under way is joined, not started twice.',
    )
    .argument('<view>', 'feature view name')
    .option('--no-wait', 'start it and return; follow it in the Temporal UI')
    .addHelpText('after', examples('millrace materialize origin_departed'))
    .action(
      act(async (context, viewName: string, options: { wait: boolean }) => {
        const { project } = context.options;
        const { views } = await loadProject(project);
        const view = views.find((candidate) => candidate.name === viewName);
        if (view === undefined) {
          throw new MillraceError(
            'FEATURE_VIEW_NOT_FOUND',
            `Feature view '${viewName}' is not in the project '${project}'. It has: ${views.map((v) => v.name).join(', ')}.`,
          );
        }
        await withTemporal(context, `materializing '${viewName}'`, async (client, config) => {
          const { defineSearchAttributeKey, SearchAttributeType } = await import('@temporalio/common');
          const input: MaterializeInput = {
            namespace: config.namespace,
            view: view.name,
            version: view.version,
          };
          const handle = await client.workflow.start(WORKFLOW_TYPE, {
            workflowId: workflowIds.materializeFeatures(config.namespace, view.name),
            workflowIdConflictPolicy: 'USE_EXISTING',
            taskQueue: createNames(config.namespace).taskQueue('orchestration'),
            args: [input],
            typedSearchAttributes: [
              {
                key: defineSearchAttributeKey(searchAttributes.view, SearchAttributeType.KEYWORD),
                value: view.name,
              },
            ],
          });
          context.output.note(`Workflow ${handle.workflowId} runs.`);
          if (!options.wait) {
            context.output.result(
              { workflowId: handle.workflowId, runId: handle.firstExecutionRunId },
              () => 'Not waited for.',
            );
            return;
          }
          const result = (await handle.result()) as MaterializeResult;
          context.output.result(
            result,
            () => `View '${result.view}': ${result.keys} keys rebuilt from ${result.events} events.`,
          );
        });
        return exitCodes.ok;
      }),
    );
};
