import { ChildWorkflowCancellationType, ParentClosePolicy, startChild, type ChildWorkflowHandle } from '@temporalio/workflow';
import { workflowIds, type LifecycleInput, type RetrainRequest, type TrainResult } from '../src/contracts/lifecycle.ts';
import { rolloutModel } from './rollout-model.ts';
import { startAttributes } from './show-progress.ts';
import { trainModel } from './train-model.ts';

/** A lifecycle that ends asks its children to end in order: a rollout then restores the allocation. */
const inOrder = {
  parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
  cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
} as const;

export function startTraining(
  { namespace, model, policy }: LifecycleInput,
  cycle: number,
  request: RetrainRequest,
): Promise<ChildWorkflowHandle<typeof trainModel>> {
  return startChild(trainModel, {
    ...inOrder,
    ...startAttributes({ model, trigger: request.trigger }),
    workflowId: workflowIds.trainModel(namespace, model, cycle),
    staticSummary: `Train ${model}: ${request.trigger}`,
    args: [{ namespace, model, cycle, request, maxLogLossIncrease: policy.maxLogLossIncrease }],
  });
}

export function startRollout(
  { namespace, model, policy }: LifecycleInput,
  cycle: number,
  { trigger }: Pick<RetrainRequest, 'trigger'>,
  training: TrainResult,
  champion: number | null,
): Promise<ChildWorkflowHandle<typeof rolloutModel>> {
  const { version } = training;
  return startChild(rolloutModel, {
    ...inOrder,
    ...startAttributes({ model, version, trigger }),
    workflowId: workflowIds.rolloutModel(namespace, model, version, cycle),
    staticSummary: `Roll out ${model} version ${version}, champion ${champion ?? 'none'}`,
    args: [{ namespace, model, version, champion, trigger, policy, training }],
  });
}
