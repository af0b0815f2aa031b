import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLifecycleReader } from '../../../console/lifecycle-reader.ts';
import { rolloutWorkflowPrefix, workflowIds, type RolloutInput } from '../../../src/contracts/lifecycle.ts';
import { createNames } from '../../../src/contracts/names.ts';
import type { ComparedAnswers, ShadowComparison } from '../../../src/contracts/shadow-comparison.ts';
import { type CommandStage } from '../../support/cli/command-stage.ts';
import { eventually } from '../../support/eventually.ts';
import { testStack } from '../../support/test-stack.ts';
import { enoughEvidence, quickPolicy, StubWorld } from '../../support/workflows/stub-world.ts';
import type { WorkflowStage } from '../../support/workflows/workflow-stage.ts';
import { openWorldCommandStage } from '../../support/cli/world-command-stage.ts';

let stage: CommandStage;
let workers: WorkflowStage;
const world = new StubWorld();

beforeAll(async () => {
  ({ stage, workers } = await openWorldCommandStage(() => world));
});
afterAll(async () => {
  await stage.close();
});

const answers: ComparedAnswers = { answers: 400, toPositive: 12, toNegative: 8, meanDistance: 0.0312, distanceDeviation: 0.02, p95Distance: 0.07, maxDistance: 0.2 };
const comparison: ShadowComparison = {
  overall: answers,
  ks: 0.0425,
  segments: [{ ...answers, field: 'carrier', value: 'AA', isRest: false, answers: 100 }],
  judgedSegments: 1,
};

async function rollOut(version: number, evidence: StubWorld['evidence']): Promise<void> {
  world.evidence = evidence;
  world.versions = version;
  world.allocation = { model: 'fraud', revision: 1, champion: 1, canary: null, shadow: null };
  const training = { version, digest: 'd', existed: false, candidateLogLoss: 0.4, championLogLoss: 0.41, candidateAuc: 0.8, championAuc: 0.8 };
  const input: RolloutInput = { namespace: workers.namespace, model: 'fraud', version, champion: 1, trigger: 'manual', policy: quickPolicy, training };
  const workflowId = workflowIds.rolloutModel(workers.namespace, 'fraud', version, version);
  await workers.client.workflow.execute('rolloutModel', { workflowId, taskQueue: workers.taskQueue, args: [input] });
}

/** Temporal lists what has started a moment later. */
const shown = (workflowId: string) =>
  eventually('the comparison', 60_000, () => stage.run('comparison', 'fraud'), ({ stdout }) => stdout.includes(workflowId));

test('comparison says where there was no rollout, and none of a shadow in the newest', async () => {
  const none = await stage.run('comparison', 'fraud');
  expect(none).toMatchObject({ exitCode: 4, stdout: expect.stringContaining("Temporal knows no rollout of model 'fraud'") as string });
  await rollOut(2, () => enoughEvidence);
  const { exitCode, stdout } = await shown(`${rolloutWorkflowPrefix(workers.namespace, 'fraud')}2/2`);
  expect(exitCode).toBe(4);
  expect(stdout).toContain('no answers of a shadow were compared');
});

test('comparison shows flips and distances of the newest rollout, also when it has ended', async () => {
  await rollOut(3, ({ kind }) => (kind === 'shadow' ? { ...enoughEvidence, comparison } : enoughEvidence));
  const { exitCode, stdout } = await shown('/3/3');
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^all +400 +95 % +12 +8 +0\.0312 +0\.07 +0\.2$/m);
  expect(stdout).toMatch(/^carrier=AA +100 +80 % +12 +8 /m);
  expect(stdout).toContain('Kolmogorov-Smirnov distance of the scores: 0.0425. Segments with enough answers to be judged: 1.');
  const json = await stage.run('comparison', 'fraud', '--json');
  expect(JSON.parse(json.stdout)).toMatchObject({ model: 'fraud', comparison });
  for (const line of stdout.split('\n')) if (!line.includes('/')) expect(line.length).toBeLessThanOrEqual(100);
});

test('the console reads the same, and asks an ended rollout once only', async () => {
  const { temporalAddress: address, temporalNamespace: namespace } = testStack();
  const lifecycles = openLifecycleReader({ address, namespace }, createNames(workers.namespace), []);
  const workflowId = workflowIds.rolloutModel(workers.namespace, 'fraud', 3, 3);
  expect(await lifecycles.comparison('fraud')).toEqual({ workflowId, version: 3, isRunning: false, comparison });
  // Nobody answers queries any more.
  await workers.close();
  expect(await lifecycles.comparison('fraud')).toMatchObject({ workflowId, comparison });
  expect(await lifecycles.comparison('nobody')).toBeNull();
  await lifecycles.close();
});
