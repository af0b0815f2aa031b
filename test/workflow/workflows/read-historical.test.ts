import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { historicalQueries, type HistoricalInput, type HistoricalProgress, type HistoricalResult } from '../../../src/contracts/historical.ts';
import { workflowIds } from '../../../src/contracts/lifecycle.ts';
import { eventually } from '../../support/eventually.ts';
import { testPrefix, testStack } from '../../support/test-stack.ts';
import { openWorkflowStage, type WorkflowStage } from '../../support/workflows/workflow-stage.ts';

const WAIT_MS = 60_000;
const CHUNKS = 9;
let stage: WorkflowStage;
let read: number[];
let dropped: number;
let atWork: number;
let atWorkMax: number;
let runs: Set<string>;
/** What happens to a chunk before it is read. */
let before: (chunk: number, attempt: number) => Promise<void>;

beforeEach(() => {
  read = [];
  dropped = 0;
  atWork = 0;
  atWorkMax = 0;
  runs = new Set();
  before = () => Promise.resolve();
});

beforeAll(async () => {
  const { temporalAddress, temporalNamespace } = testStack();
  stage = await openWorkflowStage({ address: temporalAddress, namespace: temporalNamespace }, testPrefix(), {
    planHistorical: async ({ run }) => {
      runs.add(run);
      return { rows: 900, chunks: CHUNKS };
    },
    readHistoricalChunk: async ({ run, chunk }) => {
      runs.add(run);
      atWorkMax = Math.max(atWorkMax, ++atWork);
      try {
        await before(chunk, Context.current().info.attempt);
      } finally {
        atWork--;
      }
      read.push(chunk);
      return { rows: 100 };
    },
    writeHistorical: async ({ request }) => ({ out: request.out, rows: 900, sha256: 'digest', differences: null }),
    dropHistorical: async () => {
      dropped++;
    },
  });
});
afterAll(() => stage.close());

let out = 0;
async function start() {
  const input: HistoricalInput = {
    namespace: stage.namespace,
    request: {
      selection: { views: ['a'] },
      spine: 'spine.csv',
      out: `out-${++out}.csv`,
      mode: 'known',
      asOfColumn: null,
      dataCut: null,
      eventFiles: null,
      memoryBytes: null,
    },
  };
  const workflowId = workflowIds.readHistorical(stage.namespace, input.request.out);
  return stage.client.workflow.start('readHistorical', { workflowId, taskQueue: stage.taskQueue, args: [input] });
}

describe('readHistorical', () => {
  it('reads each chunk once, four at a time, writes, and drops its folder', async () => {
    before = () => Context.current().sleep(50).then(() => undefined);
    const handle = await start();
    expect((await handle.result()) as HistoricalResult).toEqual({ out: `out-${out}.csv`, rows: 900, sha256: 'digest', differences: null });
    expect([...read].sort()).toEqual(Array.from({ length: CHUNKS }, (_, i) => i));
    expect(atWorkMax).toBe(4);
    expect([...runs]).toEqual([handle.firstExecutionRunId]);
    expect(dropped).toBe(1);
    expect(await handle.query<HistoricalProgress>(historicalQueries.progress)).toEqual({ rows: 900, chunks: CHUNKS, done: CHUNKS });
  });

  it('reads a chunk again where a store was away, and fails with its folder dropped where a retry can not help', async () => {
    before = async (chunk, attempt) => {
      if (chunk === 3 && attempt === 1) throw ApplicationFailure.retryable('Postgres is away', 'STORE_UNAVAILABLE');
    };
    expect(((await (await start()).result()) as HistoricalResult).rows).toBe(900);
    before = async (chunk) => {
      if (chunk === 2) throw ApplicationFailure.nonRetryable('gone', 'FEATURE_SPINE_INVALID');
    };
    dropped = 0;
    await expect((await start()).result()).rejects.toMatchObject({ cause: { cause: { type: 'FEATURE_SPINE_INVALID' } } });
    expect(dropped).toBe(1);
  });

  it('drops its folder when it is cancelled', async () => {
    before = async () => {
      const beat = setInterval(() => Context.current().heartbeat(), 200);
      await Context.current().cancelled.finally(() => clearInterval(beat));
    };
    const handle = await start();
    await eventually('four chunks', WAIT_MS, async () => atWork, (count) => count === 4);
    await handle.cancel();
    await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    expect([read, dropped]).toEqual([[], 1]);
  });
});
