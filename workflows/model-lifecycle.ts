import { condition, continueAsNew, defineQuery, defineSignal, setHandler, workflowInfo } from '@temporalio/workflow';
import { checkNote, checkPolicy, checkProgress, checkPromote, checkRetrain, checkRollback, checkRollout } from '../src/contracts/check-request.ts';
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
  /** Nobody vouches for what a signal carries: what can't be worked with is not let in. */
  const onSignal = <T>(name: string, check: (request: T) => string[], take: (request: T) => void): void =>
    setHandler(defineSignal<[T]>(name), (request) => {
      const problems = check(request);
      if (problems.length === 0) take(request);
      else journal.note(`${name} not taken`, null, problems.join('; '));
    });
  onSignal<RetrainRequest>(lifecycleSignals.retrain, checkRetrain, (request) => {
    journal.note(inbox.pendingRetrain === null ? 'retraining asked for' : 'retraining asked for again', null, `${request.trigger}: ${request.reason}`);
    inbox.addRetrain(request);
  });
  onSignal<RolloutRequest>(lifecycleSignals.rollout, checkRollout, (request) => {
    const replaced = inbox.addRollout(request);
    const instead = replaced === null ? '' : `; instead of version ${replaced.version}`;
    const waits = lifecycle.experiment === null ? '' : `; it begins when experiment '${lifecycle.experiment.name}' has ended`;
    journal.note('rollout asked for', request.version, `${request.requestedBy}: ${request.reason}${instead}${waits}`);
  });
  onSignal<PromoteRequest>(lifecycleSignals.promote, checkPromote, (request) => lifecycle.command({ kind: 'promote', ...request }));
  onSignal<RollbackRequest>(lifecycleSignals.rollback, checkRollback, (request) => lifecycle.command({ kind: 'rollback', ...request, toVersion: request.toVersion ?? null }));
  // What these carry is looked at when they are worked off, so that the ledger has their refusal.
  const unchecked = (): string[] => [];
  onSignal<StartExperimentRequest>(lifecycleSignals.startExperiment, unchecked, (request) => lifecycle.command({ kind: 'start-experiment', ...request }));
  onSignal<ChangeExperimentRequest>(lifecycleSignals.changeExperiment, unchecked, (request) => lifecycle.command({ kind: 'change-experiment', ...request }));
  onSignal<EndExperimentRequest>(lifecycleSignals.endExperiment, unchecked, (request) => lifecycle.command({ kind: 'end-experiment', ...request }));
  onSignal<OperatorNote>(lifecycleSignals.approve, checkNote, (note) => void inbox.approvals.push(note));
  onSignal<OperatorNote>(lifecycleSignals.pause, checkNote, (note) => lifecycle.pause(note));
  onSignal<OperatorNote>(lifecycleSignals.resume, checkNote, (note) => lifecycle.resume(note));
  onSignal<RolloutPolicy>(lifecycleSignals.configure, checkPolicy, (policy) => lifecycle.configure(policy));
  onSignal<LifecycleProgress>(lifecycleSignals.progress, checkProgress, (progress) => lifecycle.follow(progress));

  await lifecycle.start();
  while (!workflowInfo().continueAsNewSuggested) {
    await condition(() => lifecycle.hasWork() || workflowInfo().continueAsNewSuggested);
    await lifecycle.work();
  }
  await continueAsNew<typeof modelLifecycle>(lifecycle.continued());
}
