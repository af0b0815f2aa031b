/**
 * Records the histories that test/replay holds the workflow code against, on a real Temporal server:
 *   MILLRACE_TEMPORAL_ADDRESS=host:port MILLRACE_TEMPORAL_NAMESPACE=... npx tsx test/replay/record-histories.ts
 * `read-historical` behind it records that workflow alone. Run it when a workflow gains a path that no history has; keep the old files, they stand for running
 * workflows of an earlier release.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { everyDecision, type AuditInput } from '../../src/contracts/audit.ts';
import type { HistoricalInput } from '../../src/contracts/historical.ts';
import {
  ingestionSignals,
  lifecycleSignals,
  workflowIds,
  type LifecycleInput,
  type LifecycleState,
  type RolloutInput,
} from '../../src/contracts/lifecycle.ts';
import { loadBaseConfig } from '../../src/infra/base-config.ts';
import { processEnvironment } from '../../src/infra/process-environment.ts';
import { eventually } from '../support/eventually.ts';
import { enoughEvidence, manual, noEvidence, quickPolicy, StubWorld } from '../support/workflows/stub-world.ts';
import { openWorkflowStage, type WorkflowStage } from '../support/workflows/workflow-stage.ts';

const MODEL = 'flight-delay';
const WAIT_MS = 60_000;
const directory = new URL('./histories', import.meta.url).pathname;
const note = { requestedBy: 'operator', reason: 'as the runbook says' };

const world = new StubWorld();

async function consume(): Promise<void> {
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat(), 200);
  await context.cancelled.finally(() => clearInterval(beat));
}

/** Without what is of this machine: who polled, and where the code lay. */
const withoutTraces = (key: string, value: unknown): unknown => {
  if (key === 'stackTrace') return '';
  const isProcess = typeof value === 'string' && /^\d+@/.test(value);
  return key === 'identity' || key === 'workerInstanceKey' || isProcess ? 'recorder' : value;
};

async function save(stage: WorkflowStage, workflow: string, name: string, workflowId: string): Promise<void> {
  const history = await stage.client.workflow.getHandle(workflowId).fetchHistory();
  await mkdir(join(directory, workflow), { recursive: true });
  await writeFile(join(directory, workflow, `${name}.json`), `${JSON.stringify(JSON.parse(historyToJSON(history), withoutTraces), null, 1)}\n`);
  console.log(`${workflow}/${name}.json: ${history.events?.length ?? 0} events`);
}

async function recordLifecycle(stage: WorkflowStage): Promise<void> {
  const { namespace, taskQueue, client } = stage;
  const input: LifecycleInput = { namespace, model: MODEL, policy: quickPolicy };
  const id = workflowIds.modelLifecycle(namespace, MODEL);
  const lifecycle = await client.workflow.start('modelLifecycle', { workflowId: id, taskQueue, args: [input] });
  const reaches = (what: string, wanted: (state: LifecycleState) => boolean) =>
    eventually(what, WAIT_MS, () => lifecycle.query<LifecycleState>('state'), wanted);
  for (const version of [1, 2]) {
    await lifecycle.signal(lifecycleSignals.retrain, manual(`make version ${version}`));
    await reaches(`version ${version}`, (s) => s.phase === 'idle' && s.allocation?.champion === version);
  }
  world.evidence = ({ kind }) => (kind === 'shadow' ? enoughEvidence : noEvidence);
  await lifecycle.signal(lifecycleSignals.retrain, manual('make version 3'));
  await eventually('the canary', WAIT_MS, async () => world.allocation, (a) => a?.canary?.version === 3);
  await lifecycle.signal(lifecycleSignals.rollback, { toVersion: null, ...note });
  await reaches('the cancelled rollout', (s) => s.phase === 'idle' && s.lastDecision?.what === 'cancelled');
  await lifecycle.signal(lifecycleSignals.rollback, { toVersion: null, ...note });
  await reaches('version 1', (s) => s.phase === 'idle' && s.allocation?.champion === 1);
  await lifecycle.signal(lifecycleSignals.promote, { version: 2, ...note });
  await reaches('version 2', (s) => s.phase === 'idle' && s.allocation?.champion === 2);
  world.train = async () => ({ candidateLogLoss: 0.9 });
  await lifecycle.signal(lifecycleSignals.pause, note);
  await lifecycle.signal(lifecycleSignals.retrain, manual('make a bad version'));
  await lifecycle.signal(lifecycleSignals.resume, note);
  await reaches('the refusal', (s) => s.phase === 'idle' && s.lastDecision?.what === 'refused');
  await save(stage, 'model-lifecycle', 'promote-roll-back-refuse', id);
  await save(stage, 'train-model', 'registered', workflowIds.trainModel(namespace, MODEL, 1));
  await save(stage, 'train-model', 'refused', workflowIds.trainModel(namespace, MODEL, 4));
  await save(stage, 'rollout-model', 'first-version', workflowIds.rolloutModel(namespace, MODEL, 1, 1));
  await save(stage, 'rollout-model', 'promoted', workflowIds.rolloutModel(namespace, MODEL, 2, 2));
  await save(stage, 'rollout-model', 'aborted', workflowIds.rolloutModel(namespace, MODEL, 3, 3));
}

async function recordMonitor(stage: WorkflowStage): Promise<void> {
  const { namespace, taskQueue, client } = stage;
  const workflowId = workflowIds.monitorModel(namespace, MODEL);
  await client.workflow.getHandle(workflowIds.modelLifecycle(namespace, MODEL)).signal(lifecycleSignals.pause, note);
  await client.workflow.execute('monitorModel', { workflowId, taskQueue, args: [{ namespace, model: MODEL }] });
  await save(stage, 'monitor-model', 'triggered', workflowId);
  await client.workflow.getHandle(workflowIds.modelLifecycle(namespace, MODEL)).terminate();
}

async function recordAudits(stage: WorkflowStage): Promise<void> {
  const { namespace, taskQueue, client } = stage;
  world.auditChunks = 2;
  const input: AuditInput = { namespace, model: MODEL, scope: everyDecision, requestedBy: 'operator' };
  const workflowId = workflowIds.auditSkew(namespace, MODEL, 'asked-once');
  await client.workflow.execute('auditSkew', { workflowId, taskQueue, args: [input] });
  await save(stage, 'audit-skew', 'two-chunks', workflowId);
  world.allocation = { model: MODEL, revision: 1, champion: 1, canary: null, shadow: null };
  world.evidence = () => enoughEvidence;
  const training = {
    version: 2,
    digest: 'd',
    existed: false,
    candidateLogLoss: 0.4,
    championLogLoss: 0.41,
    candidateAuc: 0.8,
    championAuc: 0.8,
  };
  const rollout: RolloutInput = {
    namespace,
    model: MODEL,
    version: 2,
    champion: 1,
    trigger: 'manual',
    policy: { ...quickPolicy, requireCertificate: true },
    training,
  };
  const rolloutId = workflowIds.rolloutModel(namespace, MODEL, 2, 99);
  await client.workflow.execute('rolloutModel', { workflowId: rolloutId, taskQueue, args: [rollout] });
  await save(stage, 'rollout-model', 'certified', rolloutId);
}

async function recordStreams(stage: WorkflowStage): Promise<void> {
  const { namespace, taskQueue, client } = stage;
  const ingestionId = workflowIds.ingestion(namespace);
  const ingestion = await client.workflow.start('ingestion', { workflowId: ingestionId, taskQueue, args: [{ namespace, members: 1 }] });
  const runs = (count: number) =>
    eventually(`${count} consumers`, WAIT_MS, () => ingestion.query<{ running: string[] }>('status'), ({ running }) => running.length === count);
  await runs(3);
  await ingestion.signal(ingestionSignals.replay, { source: 'flights', fromKnownTime: 0 });
  await ingestion.signal(ingestionSignals.pause);
  await runs(0);
  await ingestion.signal(ingestionSignals.resume);
  await runs(3);
  await save(stage, 'ingestion', 'replayed-paused-resumed', ingestionId);
  await ingestion.terminate();
  const workflowId = workflowIds.materializeFeatures(namespace, 'carrier_delays');
  await client.workflow.execute('materializeFeatures', { workflowId, taskQueue, args: [{ namespace, view: 'carrier_delays', version: 1 }] });
  await save(stage, 'materialize-features', 'four-partitions', workflowId);
}

async function recordHistorical(stage: WorkflowStage): Promise<void> {
  const { namespace, taskQueue, client } = stage;
  const input: HistoricalInput = {
    namespace,
    request: {
      selection: { views: ['carrier_delays'] },
      spine: 'spine.csv',
      out: 'features.csv',
      mode: 'known',
      asOfColumn: null,
      dataCut: null,
      eventFiles: null,
      memoryBytes: null,
    },
  };
  const workflowId = workflowIds.readHistorical(namespace, input.request.out);
  await client.workflow.execute('readHistorical', { workflowId, taskQueue, args: [input] });
  await save(stage, 'read-historical', 'six-chunks', workflowId);
}

const config = loadBaseConfig({ MILLRACE_PROJECT: 'none', ...processEnvironment() });
const stage = await openWorkflowStage(
  { address: config.temporalAddress, namespace: config.temporalNamespace },
  `recorded-${Date.now().toString(36)}`,
  {
    ...world.activities(),
    runIngest: consume,
    runFold: consume,
    runDecisionSink: consume,
    rewindIngest: async () => undefined,
    streamLag: async () => ({ flights: 0 }),
    monitorClosedWindows: async () => ({
      windows: [],
      triggered: { trigger: 'feature-drift', reason: '6 features have a PSI over 0.25', requestedBy: 'monitor', dataCut: 1_400_000_000_000 },
    }),
    acknowledgeTrigger: async () => undefined,
    viewPartitions: async () => ({ partitions: 4 }),
    materializePartition: async () => ({ keys: 10, events: 100 }),
    planHistorical: async () => ({ rows: 600, chunks: 6 }),
    readHistoricalChunk: async () => ({ rows: 100 }),
    writeHistorical: async ({ request }) => ({ out: request.out, rows: 600, sha256: '0'.repeat(64), differences: null }),
    dropHistorical: async () => undefined,
  },
);
try {
  // With the name of a workflow, that one alone: the others' histories stay as they are.
  if (process.argv[2] !== 'read-historical') {
    await recordLifecycle(stage);
    await recordMonitor(stage);
    await recordAudits(stage);
    await recordStreams(stage);
  }
  await recordHistorical(stage);
} finally {
  await stage.close();
}
