import { TemporalFailure } from '@temporalio/common';
import { CancellationScope, isCancellation, workflowInfo } from '@temporalio/workflow';
import type { Allocation } from '../src/contracts/allocation.ts';
import type { LifecycleInput, PromoteRequest, RollbackRequest } from '../src/contracts/lifecycle.ts';
import type { registryActivities } from './activity-proxies.ts';
import { awaitLoaded } from './await-loaded.ts';
import { failureText } from './failure-text.ts';
import type { LifecycleJournal } from './lifecycle-journal.ts';
import { recordOrNote } from './record-or-note.ts';

export interface CommandContext {
  readonly registry: ReturnType<typeof registryActivities>;
  readonly journal: LifecycleJournal;
  readonly input: LifecycleInput;
  /** Whether a promotion or rollback waits behind the command that is being done. */
  readonly isOvertaken: () => boolean;
}

/** Of the champion alone; those of experiments are done elsewhere. */
type ChampionCommand = ({ readonly kind: 'promote' } & PromoteRequest) | ({ readonly kind: 'rollback' } & RollbackRequest);
type Target = { readonly version: number } | { readonly nothingToDo: string };

/** Does what an operator asked for. A command that cannot be done is recorded, and the lifecycle goes on. */
export async function runCommand(context: CommandContext, command: ChampionCommand): Promise<void> {
  const { registry, journal, input } = context;
  const why = `${command.requestedBy}: ${command.reason}`;
  try {
    const present = await registry.getAllocation({ model: input.model });
    const target = await targetOf(context, command, present);
    if ('nothingToDo' in target) {
      journal.note(`${command.kind} without effect`, null, target.nothingToDo);
      await recordRefusal(context, command, target.nothingToDo);
      return;
    }
    const request = { version: target.version, requestedBy: command.requestedBy, reason: command.reason };
    if (command.kind === 'promote') await promoteVersion(context, present, request);
    else await makeChampion(context, present, 'rollback', request);
    const ended = present?.experiment ? `; ends experiment '${present.experiment.name}'` : '';
    journal.note(command.kind === 'promote' ? 'promoted' : 'rolled back', target.version, `${why}${ended}`);
  } catch (error) {
    if (!(error instanceof TemporalFailure) || isCancellation(error)) throw error;
    journal.note(`${command.kind} failed`, null, failureText(error));
    await recordRefusal(context, command, failureText(error));
  }
}

/** Once every serving process has loaded and verified the version. An experiment that runs ends with it. @param winner arm of that experiment that had the version */
export async function promoteVersion(context: CommandContext, present: Allocation | null, request: PromoteRequest, winner: string | null = null): Promise<void> {
  const { version, requestedBy, reason } = request;
  const verified = await verify(context, present, version, `${requestedBy}: ${reason}`);
  await makeChampion(context, verified, 'promote', request, winner);
}

async function makeChampion(
  { registry, input }: CommandContext,
  present: Allocation | null,
  action: 'promote' | 'rollback',
  { version, requestedBy, reason }: PromoteRequest,
  winner: string | null = null,
): Promise<void> {
  await registry.setAllocation({
    model: input.model,
    expectedRevision: present?.revision ?? null,
    champion: version,
    canary: null,
    shadow: null,
    ...(winner === null ? {} : { winner }),
    actor: requestedBy,
    action,
    reason,
  });
}

async function targetOf({ registry, input }: CommandContext, command: ChampionCommand, present: Allocation | null): Promise<Target> {
  const { model } = input;
  const version = command.kind === 'promote' ? command.version : (command.toVersion ?? (await registry.previousChampion({ model })));
  if (version === null) return { nothingToDo: 'there is no champion before this one to go back to' };
  if (version === present?.champion && present.canary === null && present.shadow === null && !present.experiment) {
    return { nothingToDo: `version ${version} is the champion already` };
  }
  await registry.assertVersion({ model, version });
  return { version };
}

/** Every serving process loads and verifies the version before it takes traffic; what fails is taken out again. */
async function verify({ registry, input, isOvertaken }: CommandContext, present: Allocation | null, version: number, why: string): Promise<Allocation> {
  const change = {
    model: input.model,
    champion: present?.champion ?? null,
    canary: null,
    // It goes on until the version is known to serve.
    ...(present?.experiment ? { experiment: present.experiment } : {}),
    actor: workflowInfo().workflowId,
  };
  const shadowed = await registry.setAllocation({
    ...change,
    expectedRevision: present?.revision ?? null,
    shadow: version,
    action: 'verify',
    reason: `promotion asked for by ${why}`,
  });
  try {
    await awaitLoaded(input.namespace, isOvertaken, { model: input.model, version, revision: shadowed.revision });
    return shadowed;
  } catch (error) {
    if (error instanceof TemporalFailure) {
      const reason = `version ${version} did not verify: ${failureText(error)}`;
      await CancellationScope.nonCancellable(() =>
        registry.setAllocation({ ...change, expectedRevision: shadowed.revision, shadow: null, action: 'restore', reason }),
      );
    }
    throw error;
  }
}

function recordRefusal(context: CommandContext, command: ChampionCommand, reason: string): Promise<void> {
  return recordOrNote(context, {
    model: context.input.model,
    version: command.kind === 'promote' ? command.version : command.toVersion,
    actor: command.requestedBy,
    action: `${command.kind}-failed`,
    reason,
    details: { asked: command.reason },
  });
}
