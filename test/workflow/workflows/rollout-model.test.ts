import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { setTimeout } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { emptyTally } from '../../../src/contracts/audit.ts';
import { rolloutQueries, rolloutSignals, workflowIds, type RolloutInput, type RolloutPolicy, type RolloutResult } from '../../../src/contracts/lifecycle.ts';
import { eventually } from '../../support/eventually.ts';
import { enoughEvidence, flippedSegment, noEvidence, quickPolicy, StubWorld } from '../../support/workflows/stub-world.ts';
import { type StubbedActivities, type WorkflowStage } from '../../support/workflows/workflow-stage.ts';
import { openWorldStage } from '../../support/workflows/lifecycle-stage.ts';

/** By then a rollout that gives its allocation up has gone on. */
const CANCELLED_MS = 1_000;

let world: StubWorld;
let stage: WorkflowStage;
let cycle = 0;
type Look = StubbedActivities['gatherEvidence'];
let looks: Parameters<Look>[0][];
let look: Look | undefined;
let beforeAllocating: (action: string) => Promise<void>;

beforeAll(async () => {
  stage = await openWorldStage(() => world, {
    gatherEvidence: async (input) => {
      looks.push(input);
      return (await (look ?? world.activities().gatherEvidence)?.(input)) ?? noEvidence;
    },
    setAllocation: async (change) => {
      await beforeAllocating(change.action);
      const set = await world.activities().setAllocation?.(change);
      if (set === undefined) throw new Error('no stub');
      return set;
    },
  });
});
afterAll(() => stage.close());

beforeEach(() => {
  beforeAllocating = async () => undefined;
  looks = [];
  look = undefined;
  world = new StubWorld();
  world.versions = 2;
  world.allocation = { model: 'delay', revision: 1, champion: 1, canary: null, shadow: null };
});

function start(policy: Partial<RolloutPolicy> = {}) {
  const training = {
    version: 2,
    digest: 'd',
    existed: false,
    candidateLogLoss: 0.4,
    championLogLoss: 0.41,
    candidateAuc: 0.8,
    championAuc: 0.8,
  };
  const input: RolloutInput = {
    namespace: stage.namespace,
    model: 'delay',
    version: 2,
    champion: 1,
    trigger: 'manual',
    policy: { ...quickPolicy, ...policy },
    training,
  };
  return stage.client.workflow.start('rolloutModel', {
    workflowId: workflowIds.rolloutModel(stage.namespace, 'delay', 2, ++cycle),
    taskQueue: stage.taskQueue,
    args: [input],
  });
}

const run = async (policy: Partial<RolloutPolicy> = {}) => (await (await start(policy)).result()) as RolloutResult;
const restored = { champion: 1, canary: null, shadow: null };

describe('a rollout', () => {
  it('rolls back on a breach, with its reason in the ledger', async () => {
    world.evidence = ({ kind }) =>
      kind === 'shadow' ? enoughEvidence : { ...noEvidence, candidateDecisions: 500, meanScoreDifference: 0.4 };
    const result = await run();
    expect(result).toMatchObject({ verdict: 'rolled-back', reason: expect.stringContaining('canary at 10 %: mean score differs') });
    expect(world.allocation).toMatchObject(restored);
    expect(world.actions()).toEqual(['shadow', 'canary', 'restore', 'verdict']);
  });

  it('looks in each canary step at the decisions of its shadow too', async () => {
    world.evidence = () => enoughEvidence;
    await run({ canaryShares: [0.1, 0.5] });
    expect(world.looked).toEqual([['shadow', 1, 1], ['canary', 2, 1], ['canary', 3, 1]]);
    world.looked.length = 0;
    world.allocation = { model: 'delay', revision: 9, ...restored };
    await run({ shadowDecisions: 0, canaryShares: [0.1] });
    expect(world.looked).toEqual([['canary', 4, undefined]]);
  });

  it('tells each look which errors the one before saw, within a step', async () => {
    look = async ({ errorsSeen }) => ({ ...(looks.length % 2 === 0 ? enoughEvidence : noEvidence), errorsSeen: { p: (errorsSeen?.['p'] ?? 0) + 1 } });
    await run({ canaryShares: [0.1] });
    expect(looks.map(({ errorsSeen }) => errorsSeen)).toEqual([undefined, { p: 1 }, undefined, { p: 1 }]);
  });

  it('looks at a step of a month seldom enough for its history', async () => {
    look = async () => enoughEvidence;
    await run({ canaryShares: [], stepTimeoutMs: 30 * 86_400_000 });
    expect(looks.map(({ waitMs }) => waitMs)).toEqual([(30 * 86_400_000) / 300]);
  });

  it('rolls back where the shadow flips one segment, however well the whole agrees, and answers how the two compare', async () => {
    world.evidence = () => ({ ...enoughEvidence, comparison: flippedSegment });
    const handle = await start();
    expect(await handle.result()).toMatchObject({
      verdict: 'rolled-back',
      reason: expect.stringMatching(/^shadow: segment carrier=AA: 60 % of 200 answers flip .*allowed is 30 %$/) as string,
    });
    expect(world.allocation).toMatchObject(restored);
    expect(world.ledger.at(-1)?.details).toMatchObject({ shadow: expect.stringContaining('furthest carrier=AA (60 % of 200 flip') as string });
    expect(await handle.query(rolloutQueries.comparison)).toEqual(flippedSegment);
  });

  it('ends inconclusive when a step does not get its data in time', async () => {
    world.evidence = () => ({ ...noEvidence, shadowAnswers: 3 });
    const result = await run({ stepTimeoutMs: 300 });
    expect(result).toMatchObject({ verdict: 'inconclusive', reason: 'shadow: only 3 of 10 shadow answers within 300 ms' });
    expect(world.allocation).toMatchObject(restored);
  });

  it('restores the allocation when the workflow is cancelled', async () => {
    world.evidence = () => noEvidence;
    const handle = await start();
    await eventually('the shadow', 90_000, async () => world.allocation?.shadow, (shadow) => shadow === 2);
    await handle.cancel();
    expect(await handle.result()).toMatchObject({ verdict: 'cancelled' });
    expect(world.allocation).toMatchObject(restored);
  });

  it.each([
    ['shadow', 'ended by an operator', (handle: WorkflowHandle) => handle.signal(rolloutSignals.abort, { requestedBy: 'tester', reason: 'stop it' })],
    ['canary', 'ended by an operator', (handle: WorkflowHandle) => handle.signal(rolloutSignals.abort, { requestedBy: 'tester', reason: 'stop it' })],
    ['shadow', 'cancelled', (handle: WorkflowHandle) => handle.cancel()],
  ])('leaves nothing behind where its %s is being allocated when it is %s', async (action, _how, end) => {
    let isAllocating = false;
    let release = (): void => undefined;
    beforeAllocating = async (now) => {
      if (now !== action || isAllocating) return;
      isAllocating = true;
      await new Promise<void>((resolve) => (release = resolve));
    };
    const handle = await start();
    await eventually(`the ${action}`, 90_000, async () => isAllocating, (allocating) => allocating);
    await end(handle);
    await setTimeout(CANCELLED_MS);
    release();
    expect(await handle.result()).toMatchObject({ verdict: 'cancelled' });
    expect(world.allocation).toMatchObject(restored);
    expect(world.actions().slice(-3)).toEqual([action, 'restore', 'verdict']);
  });

  it('rolls back where serving refuses the version, with its reason in the ledger', async () => {
    world.refuses = () => 'golden batch differs';
    expect(await run()).toMatchObject({ verdict: 'rolled-back', reason: 'SERVING_VERSION_REJECTED: golden batch differs' });
    expect(world.allocation).toMatchObject(restored);
    expect(world.ledger.at(-1)).toMatchObject({ action: 'verdict', reason: expect.stringContaining('SERVING_VERSION_REJECTED: golden batch differs') as string });
  });

  it('is not begun where the champion is another by now', async () => {
    world.allocation = { model: 'delay', revision: 5, champion: 7, canary: null, shadow: null };
    expect(await run()).toMatchObject({ verdict: 'cancelled', reason: expect.stringContaining('the champion is 7, not 1') });
    expect(world.allocation.champion).toBe(7);
  });

  it('goes on after failures that pass', async () => {
    let failures = 3;
    world.evidence = () => {
      if (failures-- > 0) throw ApplicationFailure.retryable('Postgres is away', 'STORE_UNAVAILABLE');
      return enoughEvidence;
    };
    expect(await run()).toMatchObject({ verdict: 'promoted' });
  });

  it('promotes only with a certificate where the policy asks for one', async () => {
    expect(await run({ requireCertificate: true })).toMatchObject({
      verdict: 'promoted',
      reason: expect.stringContaining('audit of the canary: 100 decisions, 400 values: none differs, none stale (certificate 1)'),
    });
    expect(world.certified).toEqual(['delay canary 100 +']);
    expect(await run()).toMatchObject({ verdict: 'cancelled' });
  });

  it('rolls back where the audit of the canary finds a mismatch', async () => {
    world.audited = { ...world.audited, mismatched: 1, mismatchedFeatures: { 'origin.count_1h': 1 } };
    expect(await run({ requireCertificate: true })).toMatchObject({
      verdict: 'rolled-back',
      reason: expect.stringContaining('1 differ (origin.count_1h 1)'),
    });
    expect(world.allocation).toMatchObject(restored);
  });

  it('ends inconclusive where the canary served nothing that could be audited', async () => {
    world.audited = { ...emptyTally, skipped: 7 };
    expect(await run({ requireCertificate: true })).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('left out: 7 made with other definitions'),
    });
    expect(world.allocation).toMatchObject(restored);
  });

  it('skips the shadow where the policy asks for none', async () => {
    expect(await run({ shadowDecisions: 0, canaryShares: [0.5] })).toMatchObject({ verdict: 'promoted' });
    expect(world.actions()).toEqual(['canary', 'promote']);
  });
});
