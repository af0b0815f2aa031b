import { ApplicationFailure, TemporalFailure } from '@temporalio/common';
import { CancellationScope, isCancellation, workflowInfo } from '@temporalio/workflow';
import type { Allocation } from '../src/contracts/allocation.ts';
import { assignRanges } from '../src/contracts/assign-ranges.ts';
import { checkExperiment, checkShareChange, checkStart, withShares } from '../src/contracts/check-experiment.ts';
import { checkNote } from '../src/contracts/check-request.ts';
import {
  RANGES_MAX,
  type ChangeExperimentRequest,
  type EndExperimentRequest,
  type Experiment,
  type ExperimentCommand,
  type PlannedExperiment,
  type StartExperimentRequest,
} from '../src/contracts/experiment.ts';
import { awaitLoaded } from './await-loaded.ts';
import { failureText } from './failure-text.ts';
import { promoteVersion, type CommandContext } from './lifecycle-commands.ts';
import { recordOrNote } from './record-or-note.ts';

/** Does what an operator asked for of an experiment. What cannot be done is recorded, and the lifecycle goes on. */
export async function runExperimentCommand(context: CommandContext, command: ExperimentCommand): Promise<void> {
  const { registry, journal, input } = context;
  try {
    refuse(`Command '${command.kind}' was not taken`, checkNote(command));
    const present = await registry.getAllocation({ model: input.model });
    switch (command.kind) {
      case 'start-experiment':
        return await start(context, command, present);
      case 'change-experiment':
        return await change(context, command, runningIn(present));
      case 'end-experiment':
        return await end(context, command, runningIn(present));
    }
  } catch (error) {
    if (!(error instanceof TemporalFailure) || isCancellation(error)) throw error;
    journal.note(`${command.kind} failed`, null, failureText(error));
    await refuseExperimentCommand(context, command, failureText(error));
  }
}

/** Writes into the ledger why a command was not done. */
export async function refuseExperimentCommand(context: CommandContext, command: ExperimentCommand, reason: string): Promise<void> {
  await recordOrNote(context, {
    model: context.input.model,
    version: null,
    // Of a command that does not say who asks, it is all that is known.
    actor: checkNote(command).length === 0 ? command.requestedBy : workflowInfo().workflowId,
    action: `${command.kind}-failed`,
    reason,
    details: { experiment: experimentNameOf(command), asked: command.reason },
  });
}

export const experimentNameOf = (command: ExperimentCommand): string => (command.kind === 'start-experiment' ? command.name : command.experiment);

/** Every serving process loads and verifies every arm before one gets a bucket; what fails leaves everything as it was. */
async function start(context: CommandContext, request: StartExperimentRequest, present: Allocation | null): Promise<void> {
  const { registry, journal, input, isOvertaken } = context;
  const { model } = input;
  const { name, arms, control, metric, requestedBy, reason } = request;
  refuse(`Experiment '${name}' was not started`, [...checkExperiment(request), ...checkStart(present)]);
  const waiting: PlannedExperiment = { name, arms, control, metric, ranges: [], startedBy: requestedBy, reason };
  const champion = present?.champion ?? null;
  const beside = { model, champion, canary: null, shadow: null };
  const verifying = await registry.setAllocation({
    ...beside,
    expectedRevision: present?.revision ?? null,
    experiment: waiting,
    actor: workflowInfo().workflowId,
    action: 'verify',
    reason: `arms of experiment '${name}', asked for by ${requestedBy}: ${reason}`,
  });
  const started: PlannedExperiment = { ...waiting, ranges: assignRanges([], arms) };
  try {
    for (const version of new Set(arms.map((arm) => arm.version))) {
      await awaitLoaded(input.namespace, isOvertaken, { model, version, revision: verifying.revision });
    }
    await registry.setAllocation({
      ...beside,
      expectedRevision: verifying.revision,
      experiment: started,
      actor: requestedBy,
      action: 'start-experiment',
      reason,
    });
  } catch (error) {
    if (error instanceof TemporalFailure) {
      const why = `experiment '${name}' did not start: ${failureText(error)}`;
      await CancellationScope.nonCancellable(() =>
        registry.setAllocation({ ...beside, expectedRevision: verifying.revision, actor: workflowInfo().workflowId, action: 'restore', reason: why }),
      );
    }
    throw error;
  }
  journal.note(`experiment '${name}' started`, null, `${describeArms(started)}, by ${requestedBy}: ${reason}`);
}

async function change(context: CommandContext, request: ChangeExperimentRequest, present: Running): Promise<void> {
  const { registry, journal } = context;
  const { experiment } = present;
  refuse(`Shares of experiment '${request.experiment}' were not changed`, checkShareChange(experiment, request));
  const arms = withShares(experiment.arms, request.shares);
  const ranges = assignRanges(experiment.ranges, arms);
  refuse(
    `Shares of experiment '${request.experiment}' were not changed`,
    ranges.length <= RANGES_MAX ? [] : [`its arms would lie in ${ranges.length} ranges of buckets, at most ${RANGES_MAX} are kept; end it and start another`],
  );
  const changed: PlannedExperiment = { ...experiment, arms, ranges };
  await registry.setAllocation({
    ...unchanged(present),
    experiment: changed,
    actor: request.requestedBy,
    action: 'change-experiment',
    reason: request.reason,
  });
  journal.note(`experiment '${experiment.name}' changed`, null, `${describeArms(changed)}, by ${request.requestedBy}: ${request.reason}`);
}

/** A winner goes the way of every promotion; the allocation that it leaves has no experiment. */
async function end(context: CommandContext, request: EndExperimentRequest, present: Running): Promise<void> {
  const { registry, journal } = context;
  const { experiment } = present;
  const { winner, requestedBy, reason } = request;
  const arm = experiment.arms.find(({ name }) => name === winner);
  refuse(`Experiment '${request.experiment}' was not ended`, [
    ...(request.experiment === experiment.name ? [] : [`it does not run: '${experiment.name}' does`]),
    ...(winner === null || arm !== undefined ? [] : [`winner '${winner}' is none of its arms ${experiment.arms.map(({ name }) => `'${name}'`).join(', ')}`]),
  ]);
  const version = arm?.version ?? present.champion;
  const why = winner === null ? reason : `winner '${winner}' of experiment '${experiment.name}': ${reason}`;
  if (version !== null && version !== present.champion) {
    await promoteVersion(context, present, { version, requestedBy, reason: why }, winner);
  } else {
    await registry.setAllocation({
      ...unchanged(present),
      winner,
      actor: requestedBy,
      action: 'end-experiment',
      reason: why,
    });
  }
  journal.note(`experiment '${experiment.name}' ended`, version, `by ${requestedBy}: ${why}`);
}

type Running = Allocation & { readonly experiment: Experiment };

/** All but the experiment, which has no canary beside it. */
const unchanged = ({ model, revision, champion, shadow }: Running) => ({ model, expectedRevision: revision, champion, canary: null, shadow });

function runningIn(present: Allocation | null): Running {
  const experiment = present?.experiment ?? null;
  if (present !== null && experiment !== null) return { ...present, experiment };
  throw refusal('EXPERIMENT_NOT_FOUND', 'No experiment of the model runs. Start one first.');
}

function refuse(what: string, problems: readonly string[]): void {
  if (problems.length > 0) throw refusal('EXPERIMENT_INVALID', `${what}: ${problems.join('; ')}.`);
}

const refusal = (type: string, message: string): ApplicationFailure => ApplicationFailure.create({ type, message, nonRetryable: true });

const describeArms = ({ arms }: PlannedExperiment): string =>
  arms.map(({ name, version, share }) => `${name} (version ${version}) ${Number((share * 100).toFixed(2))} %`).join(', ');
