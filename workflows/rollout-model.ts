import { TemporalFailure } from '@temporalio/common';
import { CancellationScope, defineQuery, defineSignal, isCancellation, setHandler } from '@temporalio/workflow';
import {
  rolloutQueries,
  rolloutSignals,
  type OperatorNote,
  type RolloutInput,
  type RolloutResult,
} from '../src/contracts/lifecycle.ts';
import type { ShadowComparison } from '../src/contracts/shadow-comparison.ts';
import { failureText } from './failure-text.ts';
import { Rollout } from './rollout-steps.ts';

/**
 * Shadow, canary in steps, promotion. Whatever ends it otherwise (a breach, no evidence in time, an
 * operator, a failure) leaves the allocation as it was, and the ledger says why.
 */
export async function rolloutModel(input: RolloutInput): Promise<RolloutResult> {
  const rollout = new Rollout(input);
  const climb = new CancellationScope();
  let abort: OperatorNote | undefined;
  setHandler(defineQuery<ShadowComparison | null>(rolloutQueries.comparison), () => rollout.comparison);
  setHandler(defineSignal<[OperatorNote]>(rolloutSignals.approve), (note) => {
    rollout.approval = note;
  });
  setHandler(defineSignal<[OperatorNote]>(rolloutSignals.abort), (note) => {
    abort ??= note;
    climb.cancel();
  });
  const result = await climb.run(() => rollout.climb()).catch((error: unknown): RolloutResult => {
    const stopped = { version: input.version, verdict: 'cancelled' as const };
    if (isCancellation(error)) {
      const reason = abort === undefined ? 'the rollout workflow was cancelled' : `${abort.requestedBy}: ${abort.reason}`;
      return { ...stopped, reason };
    }
    if (error instanceof TemporalFailure) return { ...stopped, verdict: 'rolled-back', reason: failureText(error) };
    throw error;
  });
  if (result.verdict !== 'promoted') await CancellationScope.nonCancellable(() => rollout.restore(result));
  rollout.conclude(result);
  return result;
}
