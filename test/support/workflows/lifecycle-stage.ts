import type { WorkflowHandle } from '@temporalio/client';
import { lifecycleQueries, workflowIds, type LifecycleEvent, type LifecycleInput, type LifecycleState, type RolloutPolicy } from '../../../src/contracts/lifecycle.ts';
import { testPrefix, testStack } from '../test-stack.ts';
import { activitiesOf, quickPolicy, StubWorld } from './stub-world.ts';
import { openWorkflowStage, type StubbedActivities, type WorkflowStage } from './workflow-stage.ts';

/** A stage whose activities work on a stub world, but for those that a test has its own of. */
export function openWorldStage(world: () => StubWorld, over: Partial<StubbedActivities> = {}, namespace = testPrefix()): Promise<WorkflowStage> {
  const { temporalAddress, temporalNamespace } = testStack();
  return openWorkflowStage({ address: temporalAddress, namespace: temporalNamespace }, namespace, { ...activitiesOf(world), ...over });
}

/** A world of some registered versions, the first of them the champion. */
export function worldWithChampion(versions: number): StubWorld {
  const world = new StubWorld();
  world.versions = versions;
  world.allocation = { model: 'm', revision: 1, champion: 1, canary: null, shadow: null };
  return world;
}

export function startLifecycle(stage: WorkflowStage, model: string, policy: Partial<RolloutPolicy> = {}): Promise<WorkflowHandle> {
  const input: LifecycleInput = { namespace: stage.namespace, model, policy: { ...quickPolicy, ...policy } };
  return stage.client.workflow.start('modelLifecycle', {
    workflowId: workflowIds.modelLifecycle(stage.namespace, model),
    taskQueue: stage.taskQueue,
    args: [input],
  });
}

export const stateOf = (lifecycle: WorkflowHandle): Promise<LifecycleState> => lifecycle.query<LifecycleState>(lifecycleQueries.state);
export const historyOf = (lifecycle: WorkflowHandle): Promise<LifecycleEvent[]> => lifecycle.query<LifecycleEvent[]>(lifecycleQueries.history);
