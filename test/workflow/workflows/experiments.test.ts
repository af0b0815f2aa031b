import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EndExperimentRequest, StartExperimentRequest } from '../../../src/contracts/experiment.ts';
import { lifecycleSignals, type LifecycleState } from '../../../src/contracts/lifecycle.ts';
import { eventually } from '../../support/eventually.ts';
import { experimentOf } from '../../support/serving/experiment-of.ts';
import type { StubWorld } from '../../support/workflows/stub-world.ts';
import { enoughEvidence, manual, noEvidence } from '../../support/workflows/stub-world.ts';
import type { WorkflowStage } from '../../support/workflows/workflow-stage.ts';
import { historyOf, openWorldStage, startLifecycle, stateOf, worldWithChampion } from '../../support/workflows/lifecycle-stage.ts';

const WAIT_MS = 90_000;

let world: StubWorld;
let stage: WorkflowStage;
let lifecycle: WorkflowHandle;
let started = 0;

const note = { requestedBy: 'tester', reason: 'because' };
const experiment: StartExperimentRequest = {
  name: 'bolder',
  arms: [
    { name: 'control', version: 1, share: 0.3 },
    { name: 'new', version: 2, share: 0.2 },
  ],
  control: 'control',
  metric: 'log-loss',
  ...note,
};
const state = () => stateOf(lifecycle);
const reaches = (what: string, wanted: (state: LifecycleState) => boolean) => eventually(what, WAIT_MS, state, wanted);
const runs = () => reaches('the experiment', (s) => (s.allocation?.experiment?.ranges.length ?? 0) > 0 && s.phase === 'idle');
const ledgerHas = (action: string) => eventually(action, WAIT_MS, async () => world.actions(), (actions) => actions.includes(action));
const startExperiment = (over: Partial<StartExperimentRequest> = {}) => lifecycle.signal(lifecycleSignals.startExperiment, { ...experiment, ...over });
const changeShares = (shares: Record<string, number>) => lifecycle.signal(lifecycleSignals.changeExperiment, { experiment: 'bolder', shares, ...note });
const endExperiment = (over: Partial<EndExperimentRequest> = {}) =>
  lifecycle.signal(lifecycleSignals.endExperiment, { experiment: 'bolder', winner: null, ...note, ...over });

beforeAll(async () => {
  stage = await openWorldStage(() => world);
});
afterAll(() => stage.close());

/** A lifecycle with version 1 as champion and versions 2 and 3 registered. */
beforeEach(async () => {
  world = worldWithChampion(3);
  lifecycle = await startLifecycle(stage, `arms-${++started}`);
});
afterEach(async () => {
  await lifecycle.terminate().catch(() => undefined);
});

describe('an experiment in the life of a model', () => {
  it('gets its ranges only once every arm is loaded everywhere', async () => {
    await startExperiment();
    await runs();
    expect(world.actions()).toEqual(['verify', 'start-experiment']);
    expect(world.experiments.map((one) => one?.ranges)).toEqual([
      [],
      [
        { arm: 'control', from: 0, to: 3_000 },
        { arm: 'new', from: 3_000, to: 5_000 },
      ],
    ]);
    expect(world.loaded).toEqual([1, 2]);
    expect(world.allocation).toMatchObject({ champion: 1, canary: null, shadow: null });
    expect((await state()).lastDecision).toMatchObject({ what: "experiment 'bolder' started" });
  });

  it('does not start where serving refuses an arm, and leaves nothing behind', async () => {
    world.refuses = (version) => (version === 2 ? 'golden batch differs' : null);
    await startExperiment();
    await ledgerHas('start-experiment-failed');
    expect(world.actions()).toEqual(['verify', 'restore', 'start-experiment-failed']);
    expect(world.allocation).not.toHaveProperty('experiment');
    expect(world.ledger.at(-1)?.reason).toContain('golden batch differs');
  });

  it('names all that is wrong with what was asked for', async () => {
    await startExperiment({ name: 'Bolder!', arms: [{ name: 'a', version: 1, share: 0.7 }, { name: 'a', version: 2, share: 0.7 }] });
    await ledgerHas('start-experiment-failed');
    for (const problem of ["name 'Bolder!'", "arm 'a': it is there twice", "control 'control'", 'shares add up to 1.4']) {
      expect(world.ledger.at(-1)?.reason).toContain(problem);
    }
    expect(world.experiments).toEqual([]);
  });

  it('is refused what it can not read, and a change that would leave its arms in too many pieces', async () => {
    await lifecycle.signal(lifecycleSignals.startExperiment, { requestedBy: 'tester', reason: 'typed by hand' });
    await ledgerHas('start-experiment-failed');
    expect(world.ledger.at(-1)?.reason).toContain('arms: expected a list of { name, version, share }');
    await lifecycle.signal(lifecycleSignals.endExperiment, {});
    await ledgerHas('end-experiment-failed');
    expect(world.ledger.at(-1)).toMatchObject({ actor: expect.stringContaining('/model-lifecycle/') as string, reason: expect.stringContaining('requestedBy: expected who asks; reason: expected why') as string });
    const arms = [...experiment.arms.map((arm) => ({ ...arm, share: 0.0032 })), { name: 'third', version: 3, share: 0 }];
    const ranges = Array.from({ length: 64 }, (_, i) => ({ arm: i % 2 === 0 ? 'control' : 'new', from: 2 * i, to: 2 * i + 1 }));
    world.allocation = { model: 'm', revision: 1, champion: 1, canary: null, shadow: null, experiment: experimentOf('bolder', arms, { ranges }) };
    await changeShares({ third: 0.001 });
    await ledgerHas('change-experiment-failed');
    expect(world.ledger.at(-1)?.reason).toContain('its arms would lie in 74 ranges of buckets, at most 64 are kept');
  });

  it('grows its arms without moving an entity between them, and ends with nothing changed', async () => {
    await startExperiment();
    await runs();
    await changeShares({ control: 0.5, new: 0.5 });
    await reaches('the new shares', (s) => s.allocation?.experiment?.arms[1]?.share === 0.5);
    expect(world.allocation?.experiment?.ranges).toEqual([
      { arm: 'control', from: 0, to: 3_000 },
      { arm: 'new', from: 3_000, to: 5_000 },
      { arm: 'control', from: 5_000, to: 7_000 },
      { arm: 'new', from: 7_000, to: 10_000 },
    ]);
    await changeShares({ control: 0.9 });
    await ledgerHas('change-experiment-failed');
    expect(world.ledger.at(-1)?.reason).toContain('shares add up to 1.4');
    await endExperiment();
    await reaches('the end', (s) => s.allocation?.champion === 1 && !s.allocation.experiment && s.phase === 'idle');
    expect(world.actions()).toEqual(['verify', 'start-experiment', 'change-experiment', 'change-experiment-failed', 'end-experiment']);
    await endExperiment();
    await ledgerHas('end-experiment-failed');
    expect(world.ledger.at(-1)?.reason).toContain('EXPERIMENT_NOT_FOUND');
  });

  it('promotes the version of the winner, which a rollback takes back', async () => {
    await startExperiment();
    await runs();
    await endExperiment({ winner: 'new' });
    await reaches('version 2', (s) => s.allocation?.champion === 2 && !s.allocation.experiment && s.phase === 'idle');
    expect(world.ledger.slice(-2)).toMatchObject([{ action: 'verify', version: 2 }, { action: 'promote', champion: 2, details: { winner: 'new' } }]);
    expect(world.ledger.at(-1)?.reason).toBe("winner 'new' of experiment 'bolder': because");
    // It ran until its winner was known to serve.
    expect(world.experiments.at(-2)?.name).toBe('bolder');
    await lifecycle.signal(lifecycleSignals.rollback, { toVersion: null, ...note });
    await reaches('version 1', (s) => s.allocation?.champion === 1 && s.phase === 'idle');
  });

  it('ends where an operator promotes another version, the champion itself, or rolls back', async () => {
    await startExperiment();
    await runs();
    await lifecycle.signal(lifecycleSignals.promote, { version: 1, ...note });
    await reaches('the end', (s) => !s.allocation?.experiment && s.phase === 'idle');
    expect(world.allocation).toMatchObject({ champion: 1 });
    expect((await state()).lastDecision?.why).toContain("ends experiment 'bolder'");
    await startExperiment({ name: 'second' });
    await runs();
    await lifecycle.signal(lifecycleSignals.promote, { version: 3, ...note });
    await reaches('version 3', (s) => s.allocation?.champion === 3 && !s.allocation.experiment && s.phase === 'idle');
    await startExperiment({ name: 'third' });
    await runs();
    await lifecycle.signal(lifecycleSignals.rollback, { toVersion: null, ...note });
    await reaches('version 1', (s) => s.allocation?.champion === 1 && !s.allocation.experiment && s.phase === 'idle');
    expect((await state()).lastDecision).toMatchObject({ what: 'rolled back', why: "tester: because; ends experiment 'third'" });
    await startExperiment({ name: 'fourth' });
    await runs();
    world.refuses = () => 'golden batch differs';
    await lifecycle.signal(lifecycleSignals.promote, { version: 3, ...note });
    await ledgerHas('promote-failed');
    // It goes on where the promotion comes to nothing.
    expect(world.allocation).toMatchObject({ champion: 1, shadow: null, experiment: { name: 'fourth' } });
  });

  it('lets a version that was trained meanwhile wait with its rollout', async () => {
    await startExperiment();
    await runs();
    await lifecycle.signal(lifecycleSignals.retrain, manual('during the experiment'));
    await reaches('the wait', (s) => s.lastDecision?.what === 'rollout waits' && s.phase === 'idle');
    expect(world.actions()).toEqual(['verify', 'start-experiment']);
    await endExperiment();
    await reaches('version 4', (s) => s.allocation?.champion === 4 && s.phase === 'idle');
    expect(world.actions().slice(2)).toEqual(['end-experiment', 'shadow', 'canary', 'canary', 'promote']);
  });

  it('lets a rollout that an operator asks for wait, even where the winner is another version', async () => {
    await startExperiment();
    await runs();
    await lifecycle.signal(lifecycleSignals.rollout, { version: 3, ...note });
    await eventually('the note', WAIT_MS, async () => (await state()).lastDecision?.why ?? '', (why) => why.includes("it begins when experiment 'bolder' has ended"));
    await endExperiment({ winner: 'new' });
    await reaches('version 3', (s) => s.allocation?.champion === 3 && s.phase === 'idle');
    expect(world.actions().slice(2)).toEqual(['verify', 'promote', 'shadow', 'canary', 'canary', 'promote']);
  });

  it('is refused during a rollout, which goes on', async () => {
    world.evidence = ({ kind }) => (kind === 'shadow' ? enoughEvidence : noEvidence);
    await lifecycle.signal(lifecycleSignals.rollout, { version: 2, ...note });
    await eventually('the canary', WAIT_MS, async () => world.allocation, (a) => a?.canary?.version === 2);
    await startExperiment();
    await ledgerHas('start-experiment-failed');
    expect(world.ledger.at(-1)?.reason).toContain('version 2 is being rolled out');
    expect(world.allocation?.canary?.version).toBe(2);
    world.evidence = () => enoughEvidence;
    await reaches('version 2', (s) => s.allocation?.champion === 2 && s.phase === 'idle');
    const history = await historyOf(lifecycle);
    expect(history.map(({ what }) => what)).toContain('start-experiment refused');
  });
});
