import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRegistryActivities } from '../../../activities/registry.ts';
import { createRolloutActivities } from '../../../activities/rollout.ts';
import { lifecycleQueries, lifecycleSignals, workflowIds, type LifecycleState } from '../../../src/contracts/lifecycle.ts';
import type { RunningServing } from '../../../serving/start-serving.ts';
import { eventually } from '../../support/eventually.ts';
import { createServingStage, WEIGHTS, type ServingStage } from '../../support/serving/serving-stage.ts';
import { delayModel } from '../../support/serving/tiny-project.ts';
import { testPrefix, testStack } from '../../support/test-stack.ts';
import { quickPolicy } from '../../support/workflows/stub-world.ts';
import { openWorkflowStage, type WorkflowStage } from '../../support/workflows/workflow-stage.ts';

const WAIT_MS = 60_000;
const KEYS = Array.from({ length: 60 }, (_, i) => `K${i}`);
const note = { requestedBy: 'tester', reason: 'because' };

let stage: ServingStage;
let workers: WorkflowStage;
let lifecycle: WorkflowHandle;
let servings: RunningServing[];
let versions: number[];

/** What each process answers for all keys; every request must be answered. */
async function variants(serving: RunningServing): Promise<string[]> {
  const response = await fetch(`${serving.url}/v1/models/delay/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ instances: KEYS.map((origin) => ({ flightId: 'F', origin, carrier: 'UA', distance: 500 })) }),
  });
  const body = (await response.json()) as { predictions: { variant: string; version: number }[] };
  expect([response.status, JSON.stringify(body).slice(0, 300)]).toEqual([200, expect.anything()]);
  for (const { variant, version } of body.predictions) expect(version).toBe(variant.endsWith('/new') ? versions[1] : versions[0]);
  return body.predictions.map(({ variant }) => variant);
}

const reaches = (what: string, wanted: (state: LifecycleState) => boolean) =>
  eventually(what, WAIT_MS, () => lifecycle.query<LifecycleState>(lifecycleQueries.state), wanted);

beforeAll(async () => {
  stage = await createServingStage();
  versions = [await stage.register({ weights: WEIGHTS, bias: 0 }), await stage.register({ weights: WEIGHTS, bias: 1 })];
  await stage.allocate({ champion: versions[0] as number });
  servings = [await stage.serve(), await stage.serve()];
  for (const { dataPlane } of servings) await eventually('a champion', WAIT_MS, async () => dataPlane.ready, (ready) => ready);
  const { postgres, registry } = stage;
  const { temporalAddress: address, temporalNamespace: namespace } = testStack();
  workers = await openWorkflowStage({ address, namespace }, testPrefix(), {
    ...createRegistryActivities({ registry }),
    ...createRolloutActivities({ postgres, registry, models: [delayModel] }),
  });
  lifecycle = await workers.client.workflow.start('modelLifecycle', {
    workflowId: workflowIds.modelLifecycle(workers.namespace, 'delay'),
    taskQueue: workers.taskQueue,
    args: [{ namespace: workers.namespace, model: 'delay', policy: quickPolicy }],
  });
});
afterAll(async () => {
  await lifecycle.terminate();
  await workers.close();
  await stage.close();
});

describe('an experiment from its start to its winner', () => {
  it('is served by every process under load without a lost request or a version of another arm', async () => {
    let asking = true;
    const seen: string[][] = [];
    const load = Promise.all(
      servings.map(async (serving) => {
        while (asking) seen.push(await variants(serving));
      }),
    );
    const arms = [
      { name: 'control', version: versions[0], share: 0.3 },
      { name: 'new', version: versions[1], share: 0.3 },
    ];
    await lifecycle.signal(lifecycleSignals.startExperiment, { name: 'real', arms, control: 'control', metric: 'brier', ...note });
    await reaches('the experiment', (s) => (s.allocation?.experiment?.ranges.length ?? 0) > 0 && s.phase === 'idle');
    await lifecycle.signal(lifecycleSignals.changeExperiment, { experiment: 'real', shares: { control: 0.5, new: 0.5 }, ...note });
    await reaches('the new shares', (s) => s.allocation?.experiment?.arms[0]?.share === 0.5);
    const follow = servings.map((serving) => eventually('the arms', WAIT_MS, () => variants(serving), (found) => !found.includes('champion')));
    const [first, second] = await Promise.all(follow);
    asking = false;
    await load;
    // Both processes know the same arms.
    expect(first).toEqual(second);
    expect(new Set(seen.flat())).toEqual(new Set(['champion', 'real/control', 'real/new']));
    // Nobody ever had both arms.
    KEYS.forEach((_, i) => expect(new Set(seen.map((answer) => answer[i]).filter((variant) => variant !== 'champion')).size).toBeLessThanOrEqual(1));
    await lifecycle.signal(lifecycleSignals.endExperiment, { experiment: 'real', winner: 'new', ...note });
    await reaches('the winner', (s) => s.allocation?.champion === versions[1] && !s.allocation?.experiment && s.phase === 'idle');
    const ledger = await stage.registry.ledger('delay');
    expect(ledger.map(({ action }) => action).reverse()).toEqual(['register', 'register', 'test', 'verify', 'start-experiment', 'change-experiment', 'verify', 'promote']);
    expect(ledger[0]?.details).toMatchObject({ endedExperiment: 'real', winner: 'new' });
  });

  it('does not start with a version that serving refuses', async () => {
    const broken = await stage.register({ weights: WEIGHTS, bias: 2 }, { numericNames: ['something_else'] });
    const arms = [
      { name: 'control', version: versions[1], share: 0.5 },
      { name: 'broken', version: broken, share: 0.5 },
    ];
    await lifecycle.signal(lifecycleSignals.startExperiment, { name: 'refused', arms, control: 'control', metric: 'brier', ...note });
    await reaches('the refusal', (s) => s.lastDecision?.what === 'start-experiment failed' && s.phase === 'idle');
    const [failed, restored] = await stage.registry.ledger('delay');
    expect(failed).toMatchObject({ action: 'start-experiment-failed', reason: expect.stringContaining('SERVING_VERSION_REJECTED: ') as string });
    expect(restored?.action).toBe('restore');
    expect(await stage.registry.getAllocation('delay')).not.toHaveProperty('experiment');
  });
});
