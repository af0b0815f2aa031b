import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowNotFoundError, type Client, type WorkflowHandle } from '@temporalio/client';
import { workflowIds, type RolloutResult, type TrainOutcome } from '../src/contracts/lifecycle.ts';
import { formatDuration } from '../src/core/duration.ts';
import { MillraceError } from '../src/core/millrace-error.ts';
import type { LifecycleClient } from './lifecycle-client.ts';

const POLL_MS = 1_000;
/** The clocks of this machine and of Temporal may differ by this much. */
const CLOCK_DIFFERENCE_MS = 5_000;
/** A training under way, the one that was asked for, and one that a trigger put in between. */
const CYCLES_AHEAD = 2;

export interface RetrainingFollow {
  readonly client: Client;
  readonly namespace: string;
  readonly model: string;
  readonly lifecycle: LifecycleClient;
  /** The lifecycle's cycle before it was asked. */
  readonly cycleBefore: number;
  /** When it was asked, ms since the epoch. */
  readonly askedAt: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** What the lifecycle says, one line each. */
  readonly onNews: (line: string) => void;
}

/**
 * Follows the training that was asked for, and the rollout that it leads to, until the verdict.
 * @throws MillraceError WAIT_TIMED_OUT; the training goes on
 */
export async function followRetraining(follow: RetrainingFollow): Promise<RolloutResult> {
  const { client, namespace, model } = follow;
  const deadline = AbortSignal.timeout(follow.timeoutMs);
  const signal = AbortSignal.any([follow.signal, deadline]);
  const news = new AbortController();
  const telling = tellNews(follow, AbortSignal.any([signal, news.signal]));
  try {
    const { cycle, outcome } = await trainingOf(follow, signal);
    const { version } = outcome.training;
    if (outcome.refusal !== null) return { verdict: 'refused', version, reason: outcome.refusal };
    const rollout = client.workflow.getHandle(workflowIds.rolloutModel(namespace, model, version, cycle));
    const noRollout = await awaitStart(rollout, follow.lifecycle, cycle, signal);
    if (noRollout !== null) return { verdict: 'refused', version, reason: noRollout };
    return (await resultOf(rollout, signal)) as RolloutResult;
  } catch (error) {
    if (!deadline.aborted) throw error;
    throw new MillraceError(
      'WAIT_TIMED_OUT',
      `Retraining of '${model}' has no verdict within ${formatDuration(follow.timeoutMs)}; it goes on. Follow it with 'millrace status', or wait longer with --timeout.`,
      { cause: error },
    );
  } finally {
    news.abort();
    await telling;
  }
}

async function trainingOf(follow: RetrainingFollow, signal: AbortSignal) {
  const { client, namespace, model, cycleBefore, askedAt } = follow;
  for (;;) {
    for (let cycle = cycleBefore; cycle <= cycleBefore + CYCLES_AHEAD; cycle++) {
      const handle = client.workflow.getHandle(workflowIds.trainModel(namespace, model, cycle));
      const startedAt = await startTimeOf(handle);
      if (startedAt === null || startedAt < askedAt - CLOCK_DIFFERENCE_MS) continue;
      return { cycle, outcome: (await resultOf(handle, signal)) as TrainOutcome };
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** Null once the rollout has started; the reason where the lifecycle went on without one. */
async function awaitStart(
  rollout: WorkflowHandle,
  lifecycle: LifecycleClient,
  cycle: number,
  signal: AbortSignal,
): Promise<string | null> {
  for (;;) {
    // Asked before: a rollout may start and end between the two questions.
    const state = await lifecycle.state();
    if ((await startTimeOf(rollout)) !== null) return null;
    const wentOn = state.cycle > cycle || state.phase === 'idle' || state.phase === 'paused';
    if (wentOn) return state.lastDecision?.why ?? 'the lifecycle started no rollout';
    await sleep(POLL_MS, undefined, { signal });
  }
}

async function startTimeOf(handle: WorkflowHandle): Promise<number | null> {
  try {
    return (await handle.describe()).startTime.getTime();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

async function resultOf(handle: WorkflowHandle, signal: AbortSignal): Promise<unknown> {
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  return Promise.race([handle.result(), aborted]);
}

/** Tells each event of the lifecycle that came after the request, once. */
async function tellNews(
  { lifecycle, askedAt, onNews }: RetrainingFollow,
  signal: AbortSignal,
): Promise<void> {
  const told = new Set<string>();
  while (!signal.aborted) {
    // News are a courtesy: a query that fails must not end the wait.
    const events = await lifecycle.history().catch(() => []);
    for (const { at, what, version, why } of events) {
      const line = `${what}${version === null ? '' : ` (version ${version})`}: ${why}`;
      if (at < askedAt || told.has(`${at} ${line}`)) continue;
      told.add(`${at} ${line}`);
      onNews(line);
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
}
