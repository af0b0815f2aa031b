import { TestWorkflowEnvironment } from '@temporalio/testing';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backfillSignals, type BackfillInput } from '../../../src/contracts/backfill.ts';
import { everyDecision, type AuditInput, type AuditResult } from '../../../src/contracts/audit.ts';
import {
  lifecycleQueries,
  lifecycleSignals,
  searchAttributes,
  workflowIds,
  type LifecycleState,
} from '../../../src/contracts/lifecycle.ts';
import { eventually } from '../../support/eventually.ts';
import { testPrefix, testStack } from '../../support/test-stack.ts';
import { manual, quickPolicy, StubWorld } from '../../support/workflows/stub-world.ts';
import { StubBackfill } from '../../support/workflows/stub-backfill.ts';
import { openWorkflowStage, type WorkflowStage } from '../../support/workflows/workflow-stage.ts';

/** Far below Temporal's 4,096, so that a few signals reach it. */
const SUGGESTED_EVENTS = 40;
const SIGNALS = 60;
const AUDIT_CHUNKS = 20;
const BACKFILL_SLICES = 15;

let environment: TestWorkflowEnvironment;
let stage: WorkflowStage;
let world: StubWorld;
let backfill: StubBackfill;

beforeAll(async () => {
  environment = await TestWorkflowEnvironment.createLocal({
    server: {
      executable: { type: 'existing-path', path: testStack().temporalCli },
      extraArgs: ['--dynamic-config-value', `limit.historyCount.suggestContinueAsNew=${SUGGESTED_EVENTS}`],
      searchAttributes: Object.values(searchAttributes).map((name) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD)),
    },
  });
  world = new StubWorld();
  backfill = new StubBackfill();
  stage = await openWorkflowStage({ address: environment.address, namespace: 'default' }, testPrefix(), {
    ...world.activities(),
    ...backfill.activities((type, message) => new Error(`${type}: ${message}`)),
  });
});
afterAll(async () => {
  await stage.close();
  await environment.teardown();
});

describe('continuing as new', () => {
  it('carries what a lifecycle knows and was asked for', async () => {
    const lifecycle = await stage.client.workflow.start('modelLifecycle', {
      workflowId: workflowIds.modelLifecycle(stage.namespace, 'delay'),
      taskQueue: stage.taskQueue,
      args: [{ namespace: stage.namespace, model: 'delay', policy: quickPolicy }],
    });
    const firstRun = (await lifecycle.describe()).runId;
    const note = { requestedBy: 'tester', reason: 'because' };
    await lifecycle.signal(lifecycleSignals.pause, note);
    await lifecycle.signal(lifecycleSignals.retrain, manual('kept over the change'));
    for (let i = 0; i < SIGNALS; i++) await lifecycle.signal(lifecycleSignals.approve, { ...note, reason: String(i) });
    await eventually('a new run', 90_000, async () => (await lifecycle.describe()).runId, (runId) => runId !== firstRun);
    const state = () => lifecycle.query<LifecycleState>(lifecycleQueries.state);
    await eventually('the pause to be kept', 90_000, state, ({ phase }) => phase === 'paused');
    expect(world.trainings).toEqual([]);
    await lifecycle.signal(lifecycleSignals.resume, note);
    await eventually('the training', 90_000, state, ({ phase, allocation }) => phase === 'idle' && allocation?.champion === 1);
    expect(world.trainings.map(({ reason }) => reason)).toEqual(['kept over the change']);
    await lifecycle.terminate();
  });

  it('keeps the rollout that waits for the end of an experiment', async () => {
    world.versions = 2;
    world.allocation = { model: 'tested', revision: 1, champion: 1, canary: null, shadow: null };
    const lifecycle = await stage.client.workflow.start('modelLifecycle', {
      workflowId: workflowIds.modelLifecycle(stage.namespace, 'tested'),
      taskQueue: stage.taskQueue,
      args: [{ namespace: stage.namespace, model: 'tested', policy: quickPolicy }],
    });
    const note = { requestedBy: 'tester', reason: 'because' };
    const arms = [{ name: 'control', version: 1, share: 0.5 }, { name: 'new', version: 2, share: 0.5 }];
    await lifecycle.signal(lifecycleSignals.startExperiment, { name: 'trial', arms, control: 'control', metric: 'log-loss', ...note });
    const state = () => lifecycle.query<LifecycleState>(lifecycleQueries.state);
    await eventually('the experiment', 90_000, state, ({ allocation }) => (allocation?.experiment?.ranges.length ?? 0) > 0);
    await lifecycle.signal(lifecycleSignals.retrain, manual('meanwhile'));
    await eventually('the wait', 90_000, state, ({ lastDecision }) => lastDecision?.what === 'rollout waits');
    const firstRun = (await lifecycle.describe()).runId;
    for (let i = 0; i < SIGNALS; i++) await lifecycle.signal(lifecycleSignals.approve, { ...note, reason: String(i) });
    await eventually('a new run', 90_000, async () => (await lifecycle.describe()).runId, (runId) => runId !== firstRun);
    expect((await state()).allocation).toMatchObject({ champion: 1, experiment: { name: 'trial' } });
    await lifecycle.signal(lifecycleSignals.endExperiment, { experiment: 'trial', winner: null, ...note });
    await eventually('version 3', 90_000, state, ({ phase, allocation }) => phase === 'idle' && allocation?.champion === 3);
    await lifecycle.terminate();
  });

  it('carries what an audit has gone through', async () => {
    world.auditChunks = AUDIT_CHUNKS;
    const input: AuditInput = { namespace: stage.namespace, model: 'delay', scope: everyDecision, requestedBy: 'tester' };
    const audit = await stage.client.workflow.start<(input: AuditInput) => Promise<AuditResult>>('auditSkew', {
      workflowId: workflowIds.auditSkew(stage.namespace, 'delay', 'long'),
      taskQueue: stage.taskQueue,
      args: [input],
    });
    const { tally, verdict } = await audit.result();
    expect((await audit.describe()).runId).not.toBe(audit.firstExecutionRunId);
    expect({ verdict, decisions: tally.decisions, chain: tally.chain }).toEqual({
      verdict: 'clean',
      decisions: 100,
      chain: '+'.repeat(AUDIT_CHUNKS),
    });
    expect(world.certified).toHaveLength(1);
  });
});

describe('a long backfill', () => {
  it('starts new runs, goes on where it was and keeps the rate that it was told', async () => {
    backfill.slicesEach = BACKFILL_SLICES;
    const { namespace, taskQueue, client } = stage;
    const workflowId = workflowIds.backfillFeatures(namespace, 'activity', 2);
    const input: BackfillInput = {
      namespace,
      view: 'activity',
      version: 2,
      rowsPerSecond: 10,
      requestedBy: 'tester',
      reason: 'a long log',
    };
    const handle = await client.workflow.start('backfillFeatures', { workflowId, taskQueue, args: [input] });
    await handle.signal(backfillSignals.setRate, 9_000);
    expect(await handle.result()).toMatchObject({ replaced: 1 });
    const first = await client.workflow.getHandle(workflowId, handle.firstExecutionRunId).describe();
    expect(first.status.name).toBe('CONTINUED_AS_NEW');
    for (let partition = 0; partition < backfill.partitions; partition++) {
      const slices = backfill.slices.filter((slice) => slice.partition === partition);
      // A new run asks each partition how far it is: those that are done answer at once.
      expect(slices.length).toBeGreaterThanOrEqual(BACKFILL_SLICES);
    }
    expect(backfill.slices.at(-1)?.rowsPerSecond).toBe(4_500);
  });
});
