import { searchAttributes, workflowIds } from '../../src/contracts/lifecycle.ts';
import type { MaterializeInput, MaterializeResult } from '../../src/contracts/materialize.ts';
import { createNames } from '../../src/contracts/names.ts';
import { loadProject } from '../../src/infra/load-project.ts';
import { examples, type AddCommand } from '../add-command.ts';
import { exitCodes } from '../exit-code.ts';
import { withTemporal } from '../open-servers.ts';
import { viewNamed } from '../view-named.ts';

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
        const view = viewNamed(await loadProject(project), viewName, project);
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
