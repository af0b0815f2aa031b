import { TemporalFailure } from '@temporalio/common';
import { isCancellation, workflowInfo } from '@temporalio/workflow';
import type { Allocation } from '../src/contracts/allocation.ts';
import { failureText } from './failure-text.ts';
import type { CommandContext } from './lifecycle-commands.ts';

/** Takes the candidate of a rollout out that ended without doing so itself, as one that was terminated. */
export async function takeOut({ registry, journal, input }: CommandContext, present: Allocation | null, version: number): Promise<void> {
  if (present === null || (present.canary?.version !== version && present.shadow !== version)) return;
  try {
    await registry.setAllocation({
      model: input.model,
      expectedRevision: present.revision,
      champion: present.champion,
      canary: null,
      shadow: null,
      actor: workflowInfo().workflowId,
      action: 'restore',
      reason: `the rollout of version ${version} ended and left it there`,
    });
  } catch (error) {
    if (!(error instanceof TemporalFailure) || isCancellation(error)) throw error;
    journal.note('not restored', version, failureText(error));
  }
}
