import { lifecycleSignals, workflowIds, type LifecycleState } from '../../src/contracts/lifecycle.ts';
import { eventually } from '../support/eventually.ts';
import { enoughEvidence, manual, noEvidence, quickPolicy, type StubWorld } from '../support/workflows/stub-world.ts';
import type { WorkflowStage } from '../support/workflows/workflow-stage.ts';

const WAIT_MS = 60_000;
const note = { requestedBy: 'operator', reason: 'as the runbook says' };

/** Started, grown, with a training that has to wait, a rollout that has its turn, refusals, a winner, and one that a rollback ends. @returns id of the workflow, which has ended */
export async function runExperiments(stage: WorkflowStage, world: StubWorld): Promise<string> {
  const { namespace, taskQueue, client } = stage;
  const model = 'tested-delay';
  const workflowId = workflowIds.modelLifecycle(namespace, model);
  world.allocation = { model, revision: 1, champion: 1, canary: null, shadow: null };
  world.versions = 2;
  world.evidence = () => enoughEvidence;
  world.train = async () => ({});
  const lifecycle = await client.workflow.start('modelLifecycle', { workflowId, taskQueue, args: [{ namespace, model, policy: quickPolicy }] });
  const reaches = (what: string, wanted: (state: LifecycleState) => boolean) =>
    eventually(what, WAIT_MS, () => lifecycle.query<LifecycleState>('state'), wanted);
  const start = async (name: string, champion: number, other: number): Promise<void> => {
    const arms = [{ name: 'control', version: champion, share: 0.2 }, { name: 'new', version: other, share: 0.2 }];
    await lifecycle.signal(lifecycleSignals.startExperiment, { name, arms, control: 'control', metric: 'log-loss', ...note });
    await reaches(name, (s) => s.phase === 'idle' && (s.allocation?.experiment?.ranges.length ?? 0) > 0);
  };
  await start('wider', 1, 2);
  await lifecycle.signal(lifecycleSignals.changeExperiment, { experiment: 'wider', shares: { new: 0.5 }, ...note });
  await reaches('the change', (s) => s.phase === 'idle' && s.allocation?.experiment?.arms[1]?.share === 0.5);
  await lifecycle.signal(lifecycleSignals.changeExperiment, { experiment: 'wider', shares: { new: 0.9 }, ...note });
  await eventually('the refusal', WAIT_MS, async () => world.actions(), (actions) => actions.includes('change-experiment-failed'));
  await lifecycle.signal(lifecycleSignals.retrain, manual('during the experiment'));
  await reaches('the wait', (s) => s.phase === 'idle' && s.lastDecision?.what === 'rollout waits');
  world.evidence = () => noEvidence;
  await lifecycle.signal(lifecycleSignals.endExperiment, { experiment: 'wider', winner: 'new', ...note });
  await reaches('the rollout', (s) => s.phase === 'rolling-out' && s.allocation?.champion === 2);
  await lifecycle.signal(lifecycleSignals.startExperiment, { name: 'later', arms: [], control: '', metric: 'brier', ...note });
  await eventually('the refusal', WAIT_MS, async () => world.actions(), (actions) => actions.includes('start-experiment-failed'));
  world.evidence = () => enoughEvidence;
  await reaches('version 3', (s) => s.phase === 'idle' && s.allocation?.champion === 3);
  await start('narrower', 3, 1);
  await lifecycle.signal(lifecycleSignals.rollback, { toVersion: null, ...note });
  await reaches('version 2', (s) => s.phase === 'idle' && s.allocation?.champion === 2 && !s.allocation.experiment);
  await lifecycle.terminate();
  return workflowId;
}
