import { TemporalFailure } from '@temporalio/common';
import { isCancellation, workflowInfo } from '@temporalio/workflow';
import type { Allocation } from '../src/contracts/allocation.ts';
import type { LifecycleCommand, LifecycleInput } from '../src/contracts/lifecycle.ts';
import { rolloutActivities, type registryActivities } from './activity-proxies.ts';
import { failureText } from './failure-text.ts';
import type { LifecycleJournal } from './lifecycle-journal.ts';

interface CommandContext {
  readonly registry: ReturnType<typeof registryActivities>;
  readonly journal: LifecycleJournal;
  readonly input: LifecycleInput;
}

type Target = { readonly version: number } | { readonly nothingToDo: string };

/** Does what an operator asked for. A command that cannot be done is recorded, and the lifecycle goes on. */
export async function runCommand(context: CommandContext, command: LifecycleCommand): Promise<void> {
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
    const checked = command.kind === 'promote' ? await verify(context, present, target.version, why) : present;
    await registry.setAllocation({
      model: input.model,
      expectedRevision: checked?.revision ?? null,
      champion: target.version,
      canary: null,
      shadow: null,
      actor: command.requestedBy,
      action: command.kind,
      reason: command.reason,
    });
    journal.note(command.kind === 'promote' ? 'promoted' : 'rolled back', target.version, why);
  } catch (error) {
    if (!(error instanceof TemporalFailure) || isCancellation(error)) throw error;
    journal.note(`${command.kind} failed`, null, failureText(error));
    await recordRefusal(context, command, failureText(error));
  }
}

async function targetOf({ registry, input }: CommandContext, command: LifecycleCommand, present: Allocation | null): Promise<Target> {
  const { model } = input;
  const version = command.kind === 'promote' ? command.version : (command.toVersion ?? (await registry.previousChampion({ model })));
  if (version === null) return { nothingToDo: 'there is no champion before this one to go back to' };
  if (version === present?.champion && present.canary === null && present.shadow === null) {
    return { nothingToDo: `version ${version} is the champion already` };
  }
  await registry.assertVersion({ model, version });
  return { version };
}

/** Every serving process loads and verifies the version before it takes traffic; what fails is taken out again. */
async function verify({ registry, input }: CommandContext, present: Allocation | null, version: number, why: string): Promise<Allocation> {
  const change = {
    model: input.model,
    champion: present?.champion ?? null,
    canary: null,
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
    await rolloutActivities(input.namespace).awaitServing({ model: input.model, version, revision: shadowed.revision });
    return shadowed;
  } catch (error) {
    if (error instanceof TemporalFailure) {
      const reason = `version ${version} did not verify: ${failureText(error)}`;
      await registry.setAllocation({ ...change, expectedRevision: shadowed.revision, shadow: null, action: 'restore', reason });
    }
    throw error;
  }
}

function recordRefusal({ registry, input }: CommandContext, command: LifecycleCommand, reason: string): Promise<void> {
  return registry.recordLedger({
    model: input.model,
    version: command.kind === 'promote' ? command.version : command.toVersion,
    actor: command.requestedBy,
    action: `${command.kind}-failed`,
    reason,
    details: { asked: command.reason },
  });
}
