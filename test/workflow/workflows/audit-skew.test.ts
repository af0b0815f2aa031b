import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { emptyTally, everyDecision, type AuditInput, type AuditResult } from '../../../src/contracts/audit.ts';
import { workflowIds } from '../../../src/contracts/lifecycle.ts';
import { StubWorld } from '../../support/workflows/stub-world.ts';
import type { WorkflowStage } from '../../support/workflows/workflow-stage.ts';
import { openWorldStage } from '../../support/workflows/lifecycle-stage.ts';

let world: StubWorld;
let stage: WorkflowStage;
let runs = 0;

beforeAll(async () => {
  stage = await openWorldStage(() => world);
});
afterAll(() => stage.close());
beforeEach(() => {
  world = new StubWorld();
});

async function run(): Promise<AuditResult> {
  const input: AuditInput = { namespace: stage.namespace, model: 'delay', scope: everyDecision, requestedBy: 'tester' };
  return stage.client.workflow.execute<(input: AuditInput) => Promise<AuditResult>>('auditSkew', {
    workflowId: workflowIds.auditSkew(stage.namespace, 'delay', `asked-${++runs}`),
    taskQueue: stage.taskQueue,
    args: [input],
  });
}

describe('an audit', () => {
  it('goes through all chunks, one after the other, and stores one certificate of them', async () => {
    world.auditChunks = 3;
    expect(await run()).toMatchObject({
      verdict: 'clean',
      certificate: 1,
      tally: { decisions: 100, values: 400, chain: '+++' },
    });
    expect(world.certified).toEqual(['delay all 100 +++']);
  });

  it('says that values differ', async () => {
    world.audited = { ...emptyTally, decisions: 2, values: 8, mismatched: 3, mismatchedFeatures: { a: 2, b: 1 } };
    expect(await run()).toMatchObject({ verdict: 'mismatched', certificate: 1, tally: { mismatchedFeatures: { a: 2, b: 1 } } });
  });

  it('stores no certificate of nothing, and claims nothing where all was left out', async () => {
    world.audited = emptyTally;
    expect(await run()).toMatchObject({ verdict: 'nothing-compared', certificate: null });
    world.audited = { ...emptyTally, pending: 4 };
    expect(await run()).toMatchObject({ verdict: 'nothing-compared', certificate: 1 });
  });
});
