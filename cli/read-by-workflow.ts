import type { HistoricalInput, HistoricalRequest, HistoricalResult } from '../src/contracts/historical.ts';
import { workflowIds } from '../src/contracts/lifecycle.ts';
import { createNames } from '../src/contracts/names.ts';
import type { CommandContext } from './command-context.ts';
import { exitCodes, type ExitCode } from './exit-code.ts';
import { withTemporal } from './open-servers.ts';
import { renderPairs } from './table.ts';

const WORKFLOW_TYPE = 'readHistorical';

/** Starts a read of the past as a workflow, or joins the one that writes the same file; waits for it where that is asked for. */
export const readByWorkflow = (context: CommandContext, request: HistoricalRequest, wait: boolean): Promise<ExitCode> =>
  withTemporal(context, `reading features into '${request.out}'`, async (client, { namespace }) => {
    const input: HistoricalInput = { namespace, request };
    const handle = await client.workflow.start(WORKFLOW_TYPE, {
      workflowId: workflowIds.readHistorical(namespace, request.out),
      workflowIdConflictPolicy: 'USE_EXISTING',
      taskQueue: createNames(namespace).taskQueue('orchestration'),
      args: [input],
    });
    context.output.note(`Workflow ${handle.workflowId} runs.`);
    if (!wait) {
      const { workflowId, firstExecutionRunId: runId } = handle;
      context.output.result({ workflowId, runId }, () => 'Not waited for.');
      return exitCodes.ok;
    }
    const result = (await handle.result()) as HistoricalResult;
    const { out, rows, sha256, differences } = result;
    const pairs: [string, string][] = [
      ['file', out],
      ['rows', String(rows)],
      ...(differences === null ? [] : [['values that differ', String(differences)] as [string, string]]),
      ['sha256', sha256],
    ];
    context.output.result(result, () => renderPairs(pairs));
    return exitCodes.ok;
  });
