import { describeExport, type ExportLogInput, type ExportLogResult } from '../../src/contracts/export-log.ts';
import { workflowIds } from '../../src/contracts/lifecycle.ts';
import { createNames } from '../../src/contracts/names.ts';
import { isExportable } from '../../src/store/cold-log/export-log.ts';
import { loadProject } from '../../src/infra/load-project.ts';
import { examples, type AddCommand } from '../add-command.ts';
import { exitCodes } from '../exit-code.ts';
import { withTemporal } from '../open-servers.ts';
import { sourcesNamed } from '../sources-named.ts';

const WORKFLOW_TYPE = 'exportLog';

interface ExportOptions {
  readonly prune?: boolean;
  readonly wait?: boolean;
}

export const addLogExport: AddCommand = (log, act) => {
  log
    .command('export')
    .summary('write closed days as Parquet')
    .description(
      'Exports the closed days of a source, or of every source, that are not exported yet. With --prune: then deletes from Postgres the rows that nobody needs there, each file read again first. An export under way is joined, not started twice.',
    )
    .argument('[source]', 'source name (default all)')
    .option('--prune', 'delete exported rows from Postgres')
    .option('--wait', 'wait for the result')
    .addHelpText('after', examples('millrace log export --wait', 'millrace log export flight_arrived --prune --wait'))
    .action(
      act(async (context, sourceName: string | undefined, options: ExportOptions) => {
        const { project } = context.options;
        const named = sourcesNamed(await loadProject(project), sourceName, project);
        const sources = sourceName === undefined ? named.filter(isExportable) : named;
        await withTemporal(context, 'exporting logs', async (client, { namespace }) => {
          const handles = [];
          for (const { name } of sources) {
            const input: ExportLogInput = { namespace, source: name, prune: options.prune === true };
            const handle = await client.workflow.start(WORKFLOW_TYPE, {
              workflowId: workflowIds.exportLog(namespace, name),
              workflowIdConflictPolicy: 'USE_EXISTING',
              taskQueue: createNames(namespace).taskQueue('orchestration'),
              args: [input],
            });
            context.output.note(`Workflow ${handle.workflowId} runs.`);
            handles.push(handle);
          }
          if (options.wait !== true) {
            const started = handles.map(({ workflowId, firstExecutionRunId: runId }) => ({ workflowId, runId }));
            context.output.result(started, () => 'Not waited for.');
            return;
          }
          const results: ExportLogResult[] = [];
          for (const handle of handles) results.push((await handle.result()) as ExportLogResult);
          context.output.result(results, () =>
            results.map((result) => `${result.source}: ${describeExport(result)}`).join('\n'),
          );
        });
        return exitCodes.ok;
      }),
    );
};
