import { condition, continueAsNew, defineQuery, defineSignal, setHandler, workflowInfo } from '@temporalio/workflow';
import type { ChangeExperimentRequest, EndExperimentRequest, StartExperimentRequest } from '../src/contracts/experiment.ts';
import {
  lifecycleQueries,
  lifecycleSignals,
  type LifecycleEvent,
  type LifecycleInput,
  type LifecycleProgress,
  type LifecycleState,
  type OperatorNote,
  type PromoteRequest,
  type RetrainRequest,
  type RollbackRequest,
  type RolloutPolicy,
  type RolloutRequest,
} from '../src/contracts/lifecycle.ts';
import { Lifecycle } from './lifecycle-steps.ts';

/**
 * One per model, for as long as the model lives: the only thing that changes what is in production.
 * Operators and monitors signal it; it works off one thing at a time and continues as new between two.
 */
export async function modelLifecycle(input: LifecycleInput): Promise<void> {
  const lifecycle = new Lifecycle(input);
  const { inbox, journal } = lifecycle;
  setHandler(defineQuery<LifecycleState>(lifecycleQueries.state), () => lifecycle.state());
  setHandler(defineQuery<readonly LifecycleEvent[]>(lifecycleQueries.history), () => journal.events);
  setHandler(defineSignal<[RetrainRequest]>(lifecycleSignals.retrain), (request) => {
    journal.note(inbox.pendingRetrain === null ? 'retraining asked for' : 'retraining asked for again', null, `${request.trigger}: ${request.reason}`);
    inbox.addRetrain(request);
  });
  setHandler(defineSignal<[RolloutRequest]>(lifecycleSignals.rollout), (request) => {
    const replaced = inbox.addRollout(request);
    const instead = replaced === null ? '' : `; instead of version ${replaced.version}`;
    const waits = lifecycle.experiment === null ? '' : `; it begins when experiment '${lifecycle.experiment.name}' has ended`;
    journal.note('rollout asked for', request.version, `${request.requestedBy}: ${request.reason}${instead}${waits}`);
  });
  setHandler(defineSignal<[PromoteRequest]>(lifecycleSignals.promote), (request) => {
    lifecycle.command({ kind: 'promote', ...request });
  });
  setHandler(defineSignal<[RollbackRequest]>(lifecycleSignals.rollback), (request) => {
    lifecycle.command({ kind: 'rollback', ...request });
  });
  setHandler(defineSignal<[StartExperimentRequest]>(lifecycleSignals.startExperiment), (request) => {
    lifecycle.command({ kind: 'start-experiment', ...request });
  });
  setHandler(defineSignal<[ChangeExperimentRequest]>(lifecycleSignals.changeExperiment), (request) => {
    lifecycle.command({ kind: 'change-experiment', ...request });
  });
  setHandler(defineSignal<[EndExperimentRequest]>(lifecycleSignals.endExperiment), (request) => {
    lifecycle.command({ kind: 'end-experiment', ...request });
  });
  setHandler(defineSignal<[OperatorNote]>(lifecycleSignals.approve), (note) => void inbox.approvals.push(note));
  setHandler(defineSignal<[OperatorNote]>(lifecycleSignals.pause), (note) => lifecycle.pause(note));
  setHandler(defineSignal<[OperatorNote]>(lifecycleSignals.resume), (note) => lifecycle.resume(note));
  setHandler(defineSignal<[RolloutPolicy]>(lifecycleSignals.configure), (policy) => lifecycle.configure(policy));
  setHandler(defineSignal<[LifecycleProgress]>(lifecycleSignals.progress), (progress) => lifecycle.follow(progress));

  await lifecycle.start();
  while (!workflowInfo().continueAsNewSuggested) {
    await condition(() => lifecycle.hasWork() || workflowInfo().continueAsNewSuggested);
    await lifecycle.work();
  }
  await continueAsNew<typeof modelLifecycle>(lifecycle.continued());
}
