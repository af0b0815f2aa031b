import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowHandle } from '@temporalio/client';
import { lifecycleSignals, workflowIds, type LifecycleState, type RolloutPolicy } from '../../../src/contracts/lifecycle.ts';
import { eventually } from '../../support/eventually.ts';
import { enoughEvidence, manual, noEvidence, StubWorld } from '../../support/workflows/stub-world.ts';
import type { WorkflowStage } from '../../support/workflows/workflow-stage.ts';
import { historyOf, openWorldStage, startLifecycle, stateOf } from '../../support/workflows/lifecycle-stage.ts';

const WAIT_MS = 90_000;
/** Milliseconds on a quiet machine; the bound is for a busy one. */
const ROLLBACK_MS_MAX = 10_000;

let world: StubWorld;
let stage: WorkflowStage;
let lifecycle: WorkflowHandle;
let started = 0;

const state = () => stateOf(lifecycle);
const reaches = (what: string, wanted: (state: LifecycleState) => boolean) => eventually(what, WAIT_MS, state, wanted);
const note = { requestedBy: 'tester', reason: 'because' };
const rollback = (toVersion: number | null = null) => lifecycle.signal(lifecycleSignals.rollback, { toVersion, ...note });

async function start(policy: Partial<RolloutPolicy> = {}): Promise<void> {
  lifecycle = await startLifecycle(stage, `delay-${++started}`, policy);
}

/** Trains and waits until the version is the champion and nothing is under way. */
async function promoteNext(version: number): Promise<void> {
  await lifecycle.signal(lifecycleSignals.retrain, manual(`make version ${version}`));
  await reaches(`version ${version} is champion`, (s) => s.allocation?.champion === version && s.phase === 'idle');
}

beforeAll(async () => {
  stage = await openWorldStage(() => world);
});
afterAll(() => stage.close());

beforeEach(() => {
  world = new StubWorld();
});
afterEach(async () => {
  await lifecycle.terminate().catch(() => undefined);
});

describe('the lifecycle of a model', () => {
  it('rolls the first version out directly, verified before it takes traffic', async () => {
    await start();
    await promoteNext(1);
    expect(world.actions()).toEqual(['verify', 'promote']);
    expect(world.loaded).toEqual([1]);
    expect(world.ledger[1]?.reason).toContain('first version: no champion to compare with');
  });

  it('takes a later version through shadow and canary steps to promotion', async () => {
    await start();
    await promoteNext(1);
    await promoteNext(2);
    expect(world.actions().slice(2)).toEqual(['shadow', 'canary', 'canary', 'promote']);
    expect(world.allocation).toMatchObject({ champion: 2, canary: null, shadow: null });
    const history = await historyOf(lifecycle);
    expect(history.map(({ what }) => what)).toEqual(expect.arrayContaining(['training', 'rolling out', 'shadow', 'canary at 10 %', 'promoted']));
  });

  it('refuses a candidate that is worse on the hold-out, and goes on', async () => {
    await start();
    await promoteNext(1);
    world.train = async () => ({ candidateLogLoss: 0.5, championLogLoss: 0.4 });
    await lifecycle.signal(lifecycleSignals.retrain, manual('try'));
    await eventually('the refusal', WAIT_MS, async () => world.actions(), (actions) => actions.includes('refuse'));
    await reaches('idle again', (s) => s.phase === 'idle' && s.lastDecision?.what === 'refused');
    expect(world.allocation?.champion).toBe(1);
  });

  it('records a training that failed, and trains again when asked', async () => {
    await start();
    world.train = () => Promise.reject(ApplicationFailure.nonRetryable('too few examples', 'TRAINING_DATA_INSUFFICIENT'));
    await lifecycle.signal(lifecycleSignals.retrain, manual('too early'));
    await eventually('the failure', WAIT_MS, async () => world.actions(), (actions) => actions.includes('train-failed'));
    expect(world.ledger.at(-1)?.reason).toBe('TRAINING_DATA_INSUFFICIENT: too few examples');
    world.train = async () => ({});
    await promoteNext(1);
  });

  it('makes one training of the requests that come while it is busy', async () => {
    await start();
    let release = (): void => undefined;
    world.train = () => new Promise((resolve) => (release = () => resolve({})));
    await lifecycle.signal(lifecycleSignals.retrain, manual('first'));
    await eventually('the training', WAIT_MS, async () => world.trainings.length, (count) => count === 1);
    for (const reason of ['second', 'third', 'fourth']) await lifecycle.signal(lifecycleSignals.retrain, manual(reason));
    world.train = async () => ({});
    release();
    await reaches('two cycles', (s) => s.cycle === 2 && s.phase === 'idle' && s.allocation?.champion === 2);
    expect(world.trainings.map(({ reason }) => reason)).toEqual(['first', 'fourth']);
  });

  it('rolls back within seconds when idle, and says so where there is nothing to go back to', async () => {
    await start();
    await promoteNext(1);
    await promoteNext(2);
    const before = Date.now();
    await rollback();
    await reaches('version 1 again', (s) => s.allocation?.champion === 1 && s.phase === 'idle');
    expect(Date.now() - before).toBeLessThan(ROLLBACK_MS_MAX);
    expect(world.ledger.at(-1)).toMatchObject({ action: 'rollback', actor: 'tester', reason: 'because' });
    await rollback();
    await eventually('the note', WAIT_MS, async () => world.actions().at(-1), (action) => action === 'rollback-failed');
    expect(world.allocation?.champion).toBe(1);
  });

  it('cancels the rollout on a rollback, restores the allocation and changes nothing else', async () => {
    await start();
    await promoteNext(1);
    world.evidence = ({ kind }) => (kind === 'shadow' ? enoughEvidence : noEvidence);
    await lifecycle.signal(lifecycleSignals.retrain, manual('try'));
    await eventually('the canary', WAIT_MS, async () => world.allocation, (a) => a?.canary?.version === 2);
    await rollback();
    await reaches('idle again', (s) => s.phase === 'idle' && s.lastDecision?.what === 'cancelled');
    expect(world.allocation).toMatchObject({ champion: 1, canary: null, shadow: null });
    expect(world.actions().slice(-2)).toEqual(['restore', 'verdict']);
    expect(world.ledger.at(-1)?.reason).toContain('cancelled: tester: rollback: because');
  });

  it('takes the candidate out again where the rollout was terminated', async () => {
    await start();
    await promoteNext(1);
    world.evidence = ({ kind }) => (kind === 'shadow' ? enoughEvidence : noEvidence);
    await lifecycle.signal(lifecycleSignals.retrain, manual('try'));
    await eventually('the canary', WAIT_MS, async () => world.allocation, (a) => a?.canary?.version === 2);
    const rollout = workflowIds.rolloutModel(stage.namespace, `delay-${started}`, 2, 2);
    await stage.client.workflow.getHandle(rollout).terminate('by hand');
    await reaches('the failure', (s) => s.phase === 'idle' && s.lastDecision?.what === 'rollout failed');
    expect(world.allocation).toMatchObject({ champion: 1, canary: null, shadow: null });
    expect(world.actions().slice(-2)).toEqual(['restore', 'rollout-failed']);
  });

  it('rolls back while a training runs, which goes on', async () => {
    await start();
    await promoteNext(1);
    await promoteNext(2);
    let release = (): void => undefined;
    world.train = () => new Promise((resolve) => (release = () => resolve({})));
    await lifecycle.signal(lifecycleSignals.retrain, manual('slow'));
    await reaches('training', (s) => s.phase === 'training');
    await rollback();
    await reaches('version 1 again', (s) => s.allocation?.champion === 1 && s.phase === 'training');
    release();
    await reaches('version 3', (s) => s.allocation?.champion === 3 && s.phase === 'idle');
  });

  it('waits for approval where the policy asks for it', async () => {
    await start({ requireApproval: true });
    await lifecycle.signal(lifecycleSignals.retrain, manual('first'));
    await reaches('awaiting approval', (s) => s.phase === 'awaiting-approval');
    expect(world.allocation?.champion).toBeNull();
    await lifecycle.signal(lifecycleSignals.approve, note);
    await reaches('promoted', (s) => s.allocation?.champion === 1 && s.phase === 'idle');
    expect(world.ledger.at(-1)?.reason).toContain('approved by tester: because');
  });

  it('promotes a version that an operator names once serving has verified it, or leaves it', async () => {
    await start();
    await promoteNext(1);
    await promoteNext(2);
    await lifecycle.signal(lifecycleSignals.promote, { version: 1, ...note });
    await reaches('version 1', (s) => s.allocation?.champion === 1 && s.phase === 'idle');
    expect(world.actions().slice(-2)).toEqual(['verify', 'promote']);
    world.refuses = () => 'golden batch differs';
    await lifecycle.signal(lifecycleSignals.promote, { version: 2, ...note });
    await eventually('the note', WAIT_MS, async () => world.actions().at(-1), (action) => action === 'promote-failed');
    expect(world.allocation).toMatchObject({ champion: 1, shadow: null });
    await lifecycle.signal(lifecycleSignals.promote, { version: 99, ...note });
    await eventually('the second note', WAIT_MS, async () => world.ledger.at(-1)?.reason ?? '', (text) => text.includes('no version 99'));
  });

  it('holds requests while paused', async () => {
    await start();
    await lifecycle.signal(lifecycleSignals.pause, note);
    await lifecycle.signal(lifecycleSignals.retrain, manual('while paused'));
    await reaches('paused', (s) => s.phase === 'paused');
    expect(world.trainings).toHaveLength(0);
    await lifecycle.signal(lifecycleSignals.resume, note);
    await reaches('promoted', (s) => s.allocation?.champion === 1 && s.phase === 'idle');
  });
});

describe('a version that was registered without a training', () => {
  const rollout = (version: number) => lifecycle.signal(lifecycleSignals.rollout, { version, ...note });
  const ends = (what: string) => reaches(`'${what}'`, (s) => s.phase === 'idle' && s.lastDecision?.what === what);

  it('goes through shadow and canary like one that was trained, evaluated or not', async () => {
    world.versions = 2;
    world.describe = () => ({ candidateLogLoss: null, championLogLoss: null });
    await start();
    await rollout(1);
    await reaches('version 1 is champion', (s) => s.allocation?.champion === 1 && s.phase === 'idle');
    await rollout(2);
    await reaches('version 2 is champion', (s) => s.allocation?.champion === 2 && s.phase === 'idle');
    expect(world.actions()).toEqual(['verify', 'promote', 'shadow', 'canary', 'canary', 'promote']);
    expect(world.ledger[2]?.reason).toBe('shadow: never evaluated');
    expect(world.trainings).toEqual([]);
  });

  it('is refused where its hold-out, the champion or the registry speaks against it', async () => {
    world.versions = 2;
    await start();
    await promoteNext(3);
    world.describe = () => ({ candidateLogLoss: 0.9 });
    await rollout(2);
    await ends('refused');
    await rollout(3);
    await reaches("version 3's refusal", (s) => s.lastDecision?.version === 3 && s.lastDecision.what === 'refused');
    await rollout(9);
    await ends('rollout failed');
    expect(world.ledger.slice(2)).toEqual([
      expect.objectContaining({ action: 'refuse', version: 2, actor: 'tester', reason: expect.stringContaining("exceeds the champion's") as string }),
      expect.objectContaining({ action: 'refuse', version: 3, reason: expect.stringContaining('it is the champion already') as string }),
      expect.objectContaining({ action: 'rollout-failed', version: 9 }),
    ]);
    expect(world.allocation).toMatchObject({ champion: 3, canary: null, shadow: null });
  });

  it('waits while the lifecycle is paused, and gives way to one that is asked for later', async () => {
    world.versions = 2;
    await start();
    await lifecycle.signal(lifecycleSignals.pause, note);
    await rollout(1);
    await rollout(2);
    await reaches('the pause', (s) => s.phase === 'paused');
    expect(world.allocation).toBeNull();
    await lifecycle.signal(lifecycleSignals.resume, note);
    await reaches('version 2 is champion', (s) => s.allocation?.champion === 2 && s.phase === 'idle');
    const history = await historyOf(lifecycle);
    expect(history.some(({ why }) => why.endsWith('instead of version 1'))).toBe(true);
    expect(world.actions()).toEqual(['verify', 'promote']);
  });
});
