import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { lifecycleSignals } from '../../../src/contracts/lifecycle.ts';
import { eventually } from '../../support/eventually.ts';
import type { StubWorld } from '../../support/workflows/stub-world.ts';
import type { WorkflowStage } from '../../support/workflows/workflow-stage.ts';
import { historyOf, openWorldStage, startLifecycle, stateOf, worldWithChampion } from '../../support/workflows/lifecycle-stage.ts';

const WAIT_MS = 90_000;
const note = { requestedBy: 'tester', reason: 'because' };

let world: StubWorld;
let stage: WorkflowStage;
let lifecycle: WorkflowHandle;
let started = 0;
let isLedgerBroken: boolean;
/** Versions that no serving process can load, and how often each was waited for. */
let unloadable: Map<number, number>;

const state = () => stateOf(lifecycle);
const events = () => historyOf(lifecycle);
const says = (what: string) => eventually(`'${what}'`, WAIT_MS, events, (seen) => seen.some((event) => event.what === what));
const serves = (version: number) => eventually(`version ${version}`, WAIT_MS, state, (s) => s.allocation?.champion === version && s.phase === 'idle');

beforeAll(async () => {
  stage = await openWorldStage(() => world, {
    awaitServing: async ({ version }) => {
      const tried = unloadable.get(version);
      if (tried === undefined) return;
      unloadable.set(version, tried + 1);
      throw ApplicationFailure.retryable('1 of 2 serving processes have not loaded it', 'SERVING_NOT_REPORTING');
    },
    recordLedger: async (entry) => {
      if (isLedgerBroken) throw ApplicationFailure.nonRetryable('value is out of range', 'STORE_REFUSED');
      await world.activities().recordLedger?.(entry);
    },
  });
});
afterAll(() => stage.close());

beforeEach(async () => {
  isLedgerBroken = false;
  unloadable = new Map();
  world = worldWithChampion(2);
  lifecycle = await startLifecycle(stage, `asked-${++started}`);
});
afterEach(async () => {
  await lifecycle.terminate().catch(() => undefined);
});

describe('a lifecycle', () => {
  it.each([
    [lifecycleSignals.promote, { version: 99_999_999_999, ...note }],
    [lifecycleSignals.promote, { version: 2, reason: 'nobody asks' }],
    [lifecycleSignals.promote, undefined],
    [lifecycleSignals.rollback, { toVersion: 'first', ...note }],
    [lifecycleSignals.rollout, { version: -1, ...note }],
    [lifecycleSignals.retrain, { trigger: 'manual', requestedBy: 'tester', reason: 7, dataCut: null }],
    [lifecycleSignals.approve, undefined],
    [lifecycleSignals.pause, {}],
    [lifecycleSignals.resume, null],
    [lifecycleSignals.configure, { canaryShares: 'many' }],
    [lifecycleSignals.progress, undefined],
  ])('takes no %s that says %j, tells so, and goes on', async (signal, asked) => {
    await lifecycle.signal(signal, asked);
    await says(`${signal} not taken`);
    expect(world.ledger).toEqual([]);
    await lifecycle.signal(lifecycleSignals.promote, { version: 2, ...note });
    await serves(2);
  });

  it('goes on where a refusal cannot be written into the ledger, and its history says so', async () => {
    isLedgerBroken = true;
    await lifecycle.signal(lifecycleSignals.promote, { version: 9, ...note });
    await lifecycle.signal(lifecycleSignals.startExperiment, undefined);
    await lifecycle.signal(lifecycleSignals.rollout, { version: 9, ...note });
    await says('rollout failed');
    await lifecycle.signal(lifecycleSignals.promote, { version: 2, ...note });
    await serves(2);
    const missing = (await events()).filter(({ what }) => what === 'not in the ledger').map(({ why }) => why);
    expect(missing).toEqual([
      'promote-failed: MODEL_VERSION_NOT_FOUND: no version 9: STORE_REFUSED: value is out of range',
      expect.stringContaining('start-experiment-failed: '),
      expect.stringContaining('rollout-failed: '),
    ]);
  });
});

describe('a command that waits for serving', () => {
  const experiment = {
    name: 'bolder',
    arms: [
      { name: 'control', version: 1, share: 0.3 },
      { name: 'new', version: 3, share: 0.2 },
    ],
    control: 'control',
    metric: 'log-loss',
    ...note,
  };

  beforeEach(async () => {
    world.versions = 3;
    await lifecycle.signal(lifecycleSignals.promote, { version: 2, ...note });
    await serves(2);
    unloadable.set(3, 0);
  });

  it.each([
    [lifecycleSignals.promote, { version: 3, ...note }],
    [lifecycleSignals.startExperiment, experiment],
  ])('as %s does is taken back where a rollback comes, which is obeyed at once', async (signal, asked) => {
    await lifecycle.signal(signal, asked);
    await eventually('a second attempt', WAIT_MS, async () => unloadable.get(3), (tried) => (tried ?? 0) > 1);
    await lifecycle.signal(lifecycleSignals.rollback, { toVersion: 1, ...note });
    await serves(1);
    expect(world.allocation).toMatchObject({ canary: null, shadow: null });
    const kind = signal === lifecycleSignals.promote ? 'promote' : 'start-experiment';
    expect(world.actions().slice(2)).toEqual(['verify', 'restore', `${kind}-failed`, 'rollback']);
    expect(world.ledger.at(-2)?.reason).toBe('a promotion or rollback that was asked for meanwhile takes its place');
  });

  it('goes on where only an experiment is asked for meanwhile', async () => {
    await lifecycle.signal(lifecycleSignals.promote, { version: 3, ...note });
    await lifecycle.signal(lifecycleSignals.endExperiment, { experiment: 'bolder', winner: null, ...note });
    await eventually('a second attempt', WAIT_MS, async () => unloadable.get(3), (tried) => (tried ?? 0) > 1);
    unloadable.clear();
    await serves(3);
  });
});
