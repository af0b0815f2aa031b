import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { ColdFileDone, ExportLogInput, ExportLogResult } from '../../../src/contracts/export-log.ts';
import { workflowIds } from '../../../src/contracts/lifecycle.ts';
import { testPrefix, testStack } from '../../support/test-stack.ts';
import { openWorkflowStage, type WorkflowStage } from '../../support/workflows/workflow-stage.ts';

const SOURCE = 'flights';
const file = (name: string): ColdFileDone => ({ file: name, rows: 10, bytes: 100 });

let stage: WorkflowStage;
let calls: string[] = [];
let exports: (ColdFileDone | Error)[] = [];
let prunes: (ColdFileDone | Error)[] = [];

/** The next of a list, or null at its end; an error is thrown once. */
function next(what: string, list: (ColdFileDone | Error)[]): { file: ColdFileDone | null } {
  const found = list.shift() ?? null;
  calls.push(found instanceof Error ? `${what} failed` : `${what} ${found?.file ?? 'none'}`);
  if (found instanceof Error) throw found;
  return { file: found };
}

beforeAll(async () => {
  const { temporalAddress, temporalNamespace } = testStack();
  stage = await openWorkflowStage({ address: temporalAddress, namespace: temporalNamespace }, testPrefix(), {
    sweepColdLog: async () => {
      calls.push('sweep');
      return { removed: 0 };
    },
    exportNextFile: async () => next('export', exports),
    pruneNextFile: async () => next('prune', prunes),
  });
});
afterAll(() => stage.close());
beforeEach(() => {
  calls = [];
  exports = [file('a'), file('b')];
  prunes = [file('a')];
});

const run = (prune: boolean): Promise<ExportLogResult> => {
  const input: ExportLogInput = { namespace: stage.namespace, source: SOURCE, prune };
  return stage.client.workflow.execute<(input: ExportLogInput) => Promise<ExportLogResult>>('exportLog', {
    workflowId: workflowIds.exportLog(stage.namespace, SOURCE),
    taskQueue: stage.taskQueue,
    args: [input],
  });
};

it('exports until no day is closed, and leaves Postgres as it is', async () => {
  expect(await run(false)).toEqual({ source: SOURCE, files: 2, rows: 20, bytes: 200, prunedFiles: 0, prunedRows: 0 });
  expect(calls).toEqual(['sweep', 'export a', 'export b', 'export none']);
});

it('prunes what may go after everything is exported, where it is asked to', async () => {
  expect(await run(true)).toMatchObject({ files: 2, prunedFiles: 1, prunedRows: 10 });
  expect(calls).toEqual(['sweep', 'export a', 'export b', 'export none', 'prune a', 'prune none']);
});

it('goes on behind what was done when a step fails for a while', async () => {
  exports = [file('a'), new Error('Postgres is away'), file('b')];
  expect(await run(false)).toMatchObject({ files: 2 });
  expect(calls).toEqual(['sweep', 'export a', 'export failed', 'export b', 'export none']);
});

it('ends with the code of what stays wrong', async () => {
  prunes = [ApplicationFailure.create({ type: 'COLD_LOG_FILE_CORRUPT', message: "File 'a' is damaged", nonRetryable: true })];
  await expect(run(true)).rejects.toMatchObject({ cause: { cause: { type: 'COLD_LOG_FILE_CORRUPT' } } });
});
