import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import {
  lifecycleQueries,
  lifecycleSignals,
  workflowIds,
  type LifecycleEvent,
  type LifecycleState,
} from '../contracts/lifecycle.ts';
import type { Names } from '../contracts/names.ts';
import { MillraceError } from '../core/millrace-error.ts';
import type { Model } from '../define/model.ts';
import type { LifecycleClient } from './millrace-client.ts';

export function createLifecycleClient(client: Client, names: Names, models: readonly Model[]): LifecycleClient {
  const handleOf = (model: string) => {
    if (!models.some((m) => m.name === model)) {
      throw new MillraceError(
        'MODEL_NOT_FOUND',
        `Model '${model}' is not in the project. It has: ${models.map((m) => m.name).join(', ')}.`,
      );
    }
    return client.workflow.getHandle(workflowIds.modelLifecycle(names.namespace, model));
  };
  return {
    async lifecycleState(model) {
      try {
        return await handleOf(model).query<LifecycleState>(lifecycleQueries.state);
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return null;
        throw error;
      }
    },
    lifecycleHistory: (model) => handleOf(model).query<readonly LifecycleEvent[]>(lifecycleQueries.history),
    retrain: (model, request) => handleOf(model).signal(lifecycleSignals.retrain, request),
    rollback: (model, request) => handleOf(model).signal(lifecycleSignals.rollback, request),
    startExperiment: (model, request) => handleOf(model).signal(lifecycleSignals.startExperiment, request),
    changeExperiment: (model, request) => handleOf(model).signal(lifecycleSignals.changeExperiment, request),
    endExperiment: (model, request) => handleOf(model).signal(lifecycleSignals.endExperiment, request),
  };
}
