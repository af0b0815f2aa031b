import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  backfillQueries,
  backfillSignals,
  type BackfillActivities,
  type BackfillInput,
  type BackfillStatus,
} from '../../../src/contracts/backfill.ts';
import { workflowIds } from '../../../src/contracts/lifecycle.ts';
import { eventually } from '../../support/eventually.ts';
import { testPrefix, testStack } from '../../support/test-stack.ts';
import { StubBackfill } from '../../support/workflows/stub-backfill.ts';
import { openWorkflowStage, type WorkflowStage } from '../../support/workflows/workflow-stage.ts';

const WAIT_MS = 60_000;
const VIEW = 'activity';
const fail = (type: string, message: string): Error =>
  ApplicationFailure.create({ type, message, nonRetryable: true });

let stage: WorkflowStage;
let stub: StubBackfill;
let version = 1;

/** Asks the stub of the test at hand. */
const activities: BackfillActivities = {
  beginBackfill: (input) => stub.activities(fail).beginBackfill(input),
  backfillSlice: (input) => stub.activities(fail).backfillSlice(input),
  beginComparing: (input) => stub.activities(fail).beginComparing(input),
  compareViewVersion: (input) => stub.activities(fail).compareViewVersion(input),
  flipViewVersion: (input) => stub.activities(fail).flipViewVersion(input),
};

beforeAll(async () => {
  const { temporalAddress, temporalNamespace } = testStack();
  stage = await openWorkflowStage({ address: temporalAddress, namespace: temporalNamespace }, testPrefix(), activities);
});
afterAll(() => stage.close());
beforeEach(() => {
  stub = new StubBackfill();
  version += 1;
});

async function start(): Promise<WorkflowHandle> {
  const { namespace, taskQueue, client } = stage;
  const input: BackfillInput = {
    namespace,
    view: VIEW,
    version,
    rowsPerSecond: 1_001,
    requestedBy: 'tester',
    reason: 'try it',
  };
  const workflowId = workflowIds.backfillFeatures(namespace, VIEW, version);
  return client.workflow.start('backfillFeatures', { workflowId, taskQueue, args: [input] });
}

const progressOf = (handle: WorkflowHandle): Promise<BackfillStatus> =>
  handle.query<BackfillStatus>(backfillQueries.progress);

describe('a backfill', () => {
  it('fills every partition, two at a time with half the rate each, compares, and makes the version current', async () => {
    const handle = await start();
    expect(await handle.result()).toEqual({
      view: VIEW,
      version,
      events: 300,
      compared: { keys: 9, moments: 36, values: 72, valuesWithCurrent: 36, by: 'sql' },
      replaced: 1,
    });
    expect(stub.slices.map(({ partition }) => partition).sort()).toEqual([0, 0, 1, 1, 2, 2]);
    expect(new Set(stub.slices.map(({ rowsPerSecond }) => rowsPerSecond))).toEqual(new Set([500]));
    expect(stub.changes).toEqual(['backfilling: tester: try it', 'comparing', `current by ${handle.workflowId}`]);
    expect(await progressOf(handle)).toMatchObject({
      phase: 'done',
      partitions: 3,
      partitionsDone: 3,
      rows: 3_000,
      rowsInAll: 3_000,
    });
  });

  it('pauses, takes another rate and resumes when it is told to, and goes on where it was', async () => {
    stub.slicesEach = 40;
    stub.beforeSlice = () => new Promise((resolve) => setTimeout(resolve, 50));
    const handle = await start();
    await eventually('some slices', WAIT_MS, async () => stub.slices.length, (done) => done > 3);
    await handle.signal(backfillSignals.pause);
    await eventually('the pause', WAIT_MS, () => progressOf(handle), ({ paused }) => paused);
    // What was under way is finished.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const done = stub.slices.length;
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(stub.slices).toHaveLength(done);
    await handle.signal(backfillSignals.setRate, 0);
    await handle.signal(backfillSignals.setRate, 40_000);
    stub.beforeSlice = () => Promise.resolve();
    await handle.signal(backfillSignals.resume);
    expect(await handle.result()).toMatchObject({ replaced: 1 });
    expect(stub.slices).toHaveLength(3 * 40);
    expect(stub.slices.slice(done).every(({ rowsPerSecond }) => rowsPerSecond === 20_000)).toBe(true);
  });

  it('does not make a version current that differs from the raw rows, and says what differs', async () => {
    stub.differs = true;
    const handle = await start();
    await expect(handle.result()).rejects.toMatchObject({ cause: { cause: { type: 'FEATURE_VIEW_UNEQUAL' } } });
    expect(stub.changes.some((change) => change.startsWith('current'))).toBe(false);
    // Begun again, it goes on.
    stub.differs = false;
    expect(await (await start()).result()).toMatchObject({ replaced: 1 });
  });

  it('ends where another version took the place of its own', async () => {
    stub.superseded = true;
    expect(await (await start()).result()).toEqual({ view: VIEW, version, events: 0, compared: null, replaced: null });
    expect(stub.slices).toEqual([]);
  });
});
