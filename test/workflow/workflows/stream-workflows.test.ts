import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ingestionQueries,
  ingestionSignals,
  lifecycleSignals,
  workflowIds,
  type IngestionStatus,
  type RetrainRequest,
} from '../../../src/contracts/lifecycle.ts';
import type { MonitorResult } from '../../../src/contracts/monitor.ts';
import type { MaterializeInput } from '../../../src/contracts/materialize.ts';
import { eventually } from '../../support/eventually.ts';
import { testPrefix, testStack } from '../../support/test-stack.ts';
import { manual, StubWorld } from '../../support/workflows/stub-world.ts';
import { openWorkflowStage, type WorkflowStage } from '../../support/workflows/workflow-stage.ts';

const WAIT_MS = 90_000;
let stage: WorkflowStage;
let running: Set<string>;
let starts: number;
let rewinds: unknown[];
let rewindFails: (() => ApplicationFailure) | null;
let failsOnce: boolean;
let monitored: MonitorResult;
let acknowledged: number[];
let passes: (readonly number[])[];

async function consume(name: string): Promise<void> {
  const context = Context.current();
  starts += 1;
  if (failsOnce) {
    failsOnce = false;
    throw ApplicationFailure.retryable('Kafka is away', 'STREAM_UNAVAILABLE');
  }
  // Of a workflow that a test terminated it ends when the next test has begun.
  const ofThisTest = running;
  ofThisTest.add(name);
  const beat = setInterval(() => context.heartbeat(), 200);
  try {
    await context.cancelled;
  } finally {
    clearInterval(beat);
    ofThisTest.delete(name);
  }
}

beforeEach(() => {
  running = new Set();
  starts = 0;
  rewinds = [];
  rewindFails = null;
  failsOnce = false;
  acknowledged = [];
  monitored = { windows: [], triggered: null };
  passes = [];
});

beforeAll(async () => {
  const { temporalAddress, temporalNamespace } = testStack();
  stage = await openWorkflowStage({ address: temporalAddress, namespace: temporalNamespace }, testPrefix(), {
    ...new StubWorld().activities(),
    runIngest: ({ member }) => consume(`ingest-${member}`),
    runFold: ({ member }) => consume(`fold-${member}`),
    runDerive: ({ member }) => consume(`derive-${member}`),
    runDecisionSink: ({ member }) => consume(`decision-sink-${member}`),
    rewindIngest: async (request) => {
      rewinds.push(request);
      if (rewindFails !== null) throw rewindFails();
    },
    streamLag: async () => ({ trips: 3 }),
    monitorClosedWindows: async () => monitored,
    acknowledgeTrigger: async ({ dataCut }) => void acknowledged.push(dataCut),
    viewPartitions: async () => ({ partitions: 5 }),
    materializePartitions: async ({ partitions }) => {
      passes.push(partitions);
      const busy = passes.length === 1 ? [1, 3] : [];
      return { keys: partitions.length - busy.length, events: 10, busy };
    },
  });
});
afterAll(() => stage.close());

describe('ingestion', () => {
  it('keeps the consumers running, and pauses, resumes and replays', async () => {
    const all = ['decision-sink-0', 'fold-0', 'fold-1', 'ingest-0', 'ingest-1'];
    const handle = await stage.client.workflow.start('ingestion', {
      workflowId: workflowIds.ingestion(stage.namespace),
      taskQueue: stage.taskQueue,
      args: [{ namespace: stage.namespace, members: 2 }],
    });
    const runs = (names: readonly string[]) => eventually(`${names.length} consumers`, WAIT_MS, async () => [...running].sort(), (now) => now.join() === names.join());
    await runs(all);
    expect(await handle.query<IngestionStatus>(ingestionQueries.status)).toMatchObject({ paused: false, running: all });
    await handle.signal(ingestionSignals.pause);
    await runs([]);
    expect(await handle.query<IngestionStatus>(ingestionQueries.status)).toMatchObject({ paused: true, running: [] });
    await handle.signal(ingestionSignals.replay, { source: 'trips', fromKnownTime: 5 });
    await eventually('the rewind', WAIT_MS, async () => rewinds, (seen) => seen.length === 1);
    failsOnce = true;
    await handle.signal(ingestionSignals.resume);
    await runs(all);
    expect(starts).toBe(all.length * 2 + 1);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();
    await runs([]);
  });
});

describe('a replay', () => {
  const replay = { source: 'trips', fromKnownTime: 5 };
  const status = (handle: WorkflowHandle) => handle.query<IngestionStatus>(ingestionQueries.status);
  const start = (name: string) =>
    stage.client.workflow.start('ingestion', {
      workflowId: workflowIds.ingestion(`${stage.namespace}-${name}`),
      taskQueue: stage.taskQueue,
      args: [{ namespace: stage.namespace, members: 1 }],
    });

  it('that is refused stops no consumer, and the status says why', async () => {
    rewindFails = () => ApplicationFailure.nonRetryable("Source 'tripz' is not part of the project.", 'STREAM_SOURCE_NOT_FOUND');
    const handle = await start('refused');
    await handle.signal(ingestionSignals.replay, { ...replay, source: 'tripz' });
    await handle.signal(ingestionSignals.replay, { source: 'trips' });
    await handle.signal(ingestionSignals.configure, undefined);
    const { refusals } = await eventually('both refusals', WAIT_MS, () => status(handle), (s) => s.refusals?.length === 2 && s.running.length === 3);
    expect(new Set(refusals)).toEqual(
      new Set([
        { at: expect.any(Number) as number, request: { ...replay, source: 'tripz' }, why: "STREAM_SOURCE_NOT_FOUND: Source 'tripz' is not part of the project." },
        { at: expect.any(Number) as number, request: null, why: 'fromKnownTime: expected whole milliseconds since the epoch' },
      ]),
    );
    await handle.terminate();
  });

  it('waits for a store that is away for as long as it takes', async () => {
    rewindFails = () =>
      rewinds.length > 15 ? ApplicationFailure.nonRetryable('Kafka has gone on', 'STREAM_GAP') : ApplicationFailure.create({ type: 'STORE_UNAVAILABLE', message: 'Postgres is away', nextRetryDelay: '10ms' });
    const handle = await start('waits');
    await handle.signal(ingestionSignals.replay, replay);
    const { refusals } = await eventually('the refusal', WAIT_MS, () => status(handle), (s) => s.refusals?.length === 1);
    expect([rewinds.length, refusals?.[0]?.why]).toEqual([16, 'STREAM_GAP: Kafka has gone on']);
    await handle.terminate();
  });

  it('is refused where twenty wait already', async () => {
    rewindFails = () => ApplicationFailure.create({ type: 'STORE_UNAVAILABLE', message: 'Postgres is away', nextRetryDelay: '1s' });
    const handle = await start('many');
    for (let asked = 0; asked < 21; asked++) await handle.signal(ingestionSignals.replay, replay);
    const { refusals } = await eventually('the refusal', WAIT_MS, () => status(handle), (s) => s.refusals?.length === 1);
    expect(refusals?.[0]).toMatchObject({ request: replay, why: '20 replays wait already' });
    await handle.terminate();
  });
});

describe('ingestion of a project with derived sources', () => {
  it('derives, and begins or ends it when the project says so', async () => {
    const handle = await stage.client.workflow.start('ingestion', {
      workflowId: workflowIds.ingestion(`${stage.namespace}-derives`),
      taskQueue: stage.taskQueue,
      args: [{ namespace: stage.namespace, members: 1, derives: true }],
    });
    // Some end before others: only the number of starts tells that the next ones run.
    const runs = (names: readonly string[], startsNow: number) =>
      eventually(`${names.length} consumers`, WAIT_MS, async () => [...running].sort(), (now) => now.join() === names.join() && starts === startsNow);
    const others = ['decision-sink-0', 'fold-0', 'ingest-0'];
    const all = ['decision-sink-0', 'derive-0', 'fold-0', 'ingest-0'];
    await runs(all, 4);
    await handle.signal(ingestionSignals.configure, { derives: true });
    await handle.signal(ingestionSignals.configure, { derives: false });
    await runs(others, 7);
    await handle.signal(ingestionSignals.configure, { derives: true });
    await runs(all, 11);
    expect(await handle.query<IngestionStatus>(ingestionQueries.status)).toMatchObject({ running: all });
    await handle.terminate();
  });
});

describe('the monitor workflow', () => {
  it('tells the lifecycle of a trigger and acknowledges it after', async () => {
    const triggered: RetrainRequest = { trigger: 'feature-drift', reason: 'it drifted', requestedBy: 'monitor', dataCut: 77 };
    const lifecycle = await stage.client.workflow.start('modelLifecycle', {
      workflowId: workflowIds.modelLifecycle(stage.namespace, 'watched'),
      taskQueue: stage.taskQueue,
      args: [{ namespace: stage.namespace, model: 'watched', policy: {} }],
    });
    await lifecycle.signal(lifecycleSignals.pause, { requestedBy: 'tester', reason: 'only listen' });
    const monitor = () =>
      stage.client.workflow.execute('monitorModel', {
        workflowId: workflowIds.monitorModel(stage.namespace, 'watched'),
        taskQueue: stage.taskQueue,
        args: [{ namespace: stage.namespace, model: 'watched' }],
      });
    await monitor();
    expect(acknowledged).toEqual([]);
    monitored = { windows: [], triggered };
    await monitor();
    expect(acknowledged).toEqual([77]);
    const history = await lifecycle.query<{ why: string }[]>('history');
    expect(history.map(({ why }) => why)).toContain('feature-drift: it drifted');
    await lifecycle.terminate();
  });
});

describe('materializing features', () => {
  it('rebuilds all partitions in one pass, those that others had in another, and counts', async () => {
    const input: MaterializeInput = { namespace: stage.namespace, view: 'activity', version: 1 };
    const result = await stage.client.workflow.execute('materializeFeatures', {
      workflowId: workflowIds.materializeFeatures(stage.namespace, 'activity'),
      taskQueue: stage.taskQueue,
      args: [input],
    });
    expect(result).toEqual({ view: 'activity', keys: 5, events: 20 });
    expect(passes).toEqual([[0, 1, 2, 3, 4], [1, 3]]);
  });
});

describe('a training workflow', () => {
  it('answers the version and no refusal where there is no champion', async () => {
    const handle = await stage.client.workflow.start('trainModel', {
      workflowId: workflowIds.trainModel(stage.namespace, 'any', 1),
      taskQueue: stage.taskQueue,
      args: [{ namespace: stage.namespace, model: 'any', cycle: 1, request: manual('try'), maxLogLossIncrease: 0 }],
    });
    expect(await handle.result()).toMatchObject({ refusal: null, training: { version: 1 } });
  });
});
