import type { Client } from '@temporalio/client';
import { rolloutQueries, rolloutWorkflowPrefix } from '../contracts/lifecycle.ts';
import type { ShadowComparison } from '../contracts/shadow-comparison.ts';

const WORKFLOW_TYPE = 'rolloutModel';

/** A rollout, as Temporal lists it. */
export interface ListedRollout {
  readonly workflowId: string;
  readonly version: number;
  readonly isRunning: boolean;
}

/** The newest rollout of a model, running or ended; null where Temporal knows none. It lists the newest first. */
export async function newestRollout(client: Client, namespace: string, model: string): Promise<ListedRollout | null> {
  const prefix = rolloutWorkflowPrefix(namespace, model);
  const query = `WorkflowType = '${WORKFLOW_TYPE}' AND WorkflowId STARTS_WITH '${prefix}'`;
  for await (const { workflowId, status } of client.workflow.list({ query, pageSize: 1 })) {
    return { workflowId, version: Number(workflowId.slice(prefix.length).split('/', 1)[0]), isRunning: status.name === 'RUNNING' };
  }
  return null;
}

/** What a rollout has seen of its shadow's answers; null before it has seen any. */
export const shadowComparison = (client: Client, workflowId: string): Promise<ShadowComparison | null> =>
  client.workflow.getHandle(workflowId).query<ShadowComparison | null>(rolloutQueries.comparison);
