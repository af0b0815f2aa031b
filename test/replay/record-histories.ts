/**
 * Records the histories that test/replay holds the workflow code against, on a real Temporal server:
 *   MILLRACE_TEMPORAL_ADDRESS=host:port MILLRACE_TEMPORAL_NAMESPACE=... npx tsx test/replay/record-histories.ts
 * Run it when a workflow gains a path that no history has; keep the old files, they stand for running
 * workflows of an earlier release. Names after it (lifecycle, rollouts, experiments, monitor, audits, streams, materialize, backfill, exports, historical) record those alone.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { ApplicationFailure } from '@temporalio/common';
import { everyDecision, type AuditInput } from '../../src/contracts/audit.ts';
import { backfillQueries, backfillSignals, type BackfillInput, type BackfillStatus } from '../../src/contracts/backfill.ts';
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
import { enoughEvidence, flippedSegment, manual, noEvidence, quickPolicy, StubWorld } from '../support/workflows/stub-world.ts';
import { StubBackfill } from '../support/workflows/stub-backfill.ts';
import { openWorkflowStage, type WorkflowStage } from '../support/workflows/workflow-stage.ts';
import { runExperiments } from './run-experiments.ts';

const MODEL = 'flight-delay';
const WAIT_MS = 60_000;
const directory = new URL('./histories', import.meta.url).pathname;
const note = { requestedBy: 'operator', reason: 'as the runbook says' };

const world = new StubWorld();
const backfill = new StubBackfill();
const SLICE_MS = 100;

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

/** Versions that were registered without a training: one after the other through its steps, and one that is not there. */
async function recordRollouts(stage: WorkflowStage): Promise<void> {
  const { namespace, taskQueue, client } = stage;
  const model = 'imported-delay';
  const workflowId = workflowIds.modelLifecycle(namespace, model);
  world.allocation = null;
  world.versions = 2;
  world.evidence = () => enoughEvidence;
  const lifecycle = await client.workflow.start('modelLifecycle', { workflowId, taskQueue, args: [{ namespace, model, policy: quickPolicy }] });
  const reaches = (what: string, wanted: (state: LifecycleState) => boolean) =>
    eventually(what, WAIT_MS, () => lifecycle.query<LifecycleState>('state'), wanted);
  for (const version of [1, 2]) {
    await lifecycle.signal(lifecycleSignals.rollout, { version, ...note });
    await reaches(`version ${version}`, (s) => s.phase === 'idle' && s.allocation?.champion === version);
  }
  await lifecycle.signal(lifecycleSignals.rollout, { version: 9, ...note });
  await reaches('the failure', (s) => s.phase === 'idle' && s.lastDecision?.what === 'rollout failed');
  await save(stage, 'model-lifecycle', 'registered-versions-rolled-out', workflowId);
  world.versions = 3;
  world.evidence = () => ({ ...enoughEvidence, comparison: flippedSegment });
  await lifecycle.signal(lifecycleSignals.rollout, { version: 3, ...note });
  await reaches('the breach', (s) => s.phase === 'idle' && s.lastDecision?.what === 'rolled-back');
  await save(stage, 'rollout-model', 'segment-flipped', workflowIds.rolloutModel(namespace, model, 3, 4));
  await lifecycle.terminate();
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
  const deriving = await client.workflow.start('ingestion', { workflowId: ingestionId, taskQueue, args: [{ namespace, members: 1 }] });
  await eventually('3 consumers', WAIT_MS, () => deriving.query<{ running: string[] }>('status'), ({ running }) => running.length === 3);
  await deriving.signal(ingestionSignals.configure, { derives: true });
  await eventually('4 consumers', WAIT_MS, () => deriving.query<{ running: string[] }>('status'), ({ running }) => running.includes('derive-0'));
  await save(stage, 'ingestion', 'gained-a-derived-source', ingestionId);
  await deriving.terminate();
}

async function recordMaterialize(stage: WorkflowStage): Promise<void> {
  const { namespace, taskQueue, client } = stage;
  const workflowId = workflowIds.materializeFeatures(namespace, 'carrier_delays');
  await client.workflow.execute('materializeFeatures', { workflowId, taskQueue, args: [{ namespace, view: 'carrier_delays', version: 1 }] });
  await save(stage, 'materialize-features', 'two-passes', workflowId);
}

async function recordBackfill(stage: WorkflowStage): Promise<void> {
  const { namespace, taskQueue, client } = stage;
  backfill.slicesEach = 6;
  const input: BackfillInput = { namespace, view: 'carrier_delays', version: 2, rowsPerSecond: 1_000, ...note };
  const workflowId = workflowIds.backfillFeatures(namespace, input.view, input.version);
  const handle = await client.workflow.start('backfillFeatures', { workflowId, taskQueue, args: [input] });
  backfill.beforeSlice = () => new Promise((resolve) => setTimeout(resolve, SLICE_MS));
  await eventually('a slice', WAIT_MS, async () => backfill.slices.length, (slices) => slices > 0);
  await handle.signal(backfillSignals.pause);
  await eventually('the pause', WAIT_MS, () => handle.query<BackfillStatus>(backfillQueries.progress), ({ paused }) => paused);
  await handle.signal(backfillSignals.setRate, 5_000);
  await handle.signal(backfillSignals.resume);
  await handle.result();
  await save(stage, 'backfill-features', 'paused-and-flipped', workflowId);
  backfill.differs = true;
  const unequal = { ...input, version: 3 };
  const unequalId = workflowIds.backfillFeatures(namespace, input.view, unequal.version);
  await client.workflow.execute('backfillFeatures', { workflowId: unequalId, taskQueue, args: [unequal] }).catch(() => undefined);
  await save(stage, 'backfill-features', 'unequal', unequalId);
}

async function recordExports(stage: WorkflowStage): Promise<void> {
  const { namespace, taskQueue, client } = stage;
  const workflowId = workflowIds.exportLog(namespace, 'flights');
  await client.workflow.execute('exportLog', { workflowId, taskQueue, args: [{ namespace, source: 'flights', prune: true }] });
  await save(stage, 'export-log', 'two-days-pruned', workflowId);
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

const recorders: Readonly<Record<string, (stage: WorkflowStage) => Promise<void>>> = {
  lifecycle: recordLifecycle,
  rollouts: recordRollouts,
  experiments: async (stage) => save(stage, 'model-lifecycle', 'experiments', await runExperiments(stage, world)),
  monitor: recordMonitor,
  audits: recordAudits,
  streams: recordStreams,
  materialize: recordMaterialize,
  backfill: recordBackfill,
  exports: recordExports,
  historical: recordHistorical,
};
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => recorders[name] === undefined);
if (unknown.length > 0) throw new Error(`No such histories: ${unknown.join(', ')}. There are: ${Object.keys(recorders).join(', ')}.`);

/** Two files to export, then the same two to prune, then none. */
const coldFiles = ['flights/2013-01-01-a.parquet', 'flights/2013-01-02-b.parquet'].map((file) => ({ file, rows: 900, bytes: 20_000 }));
const toExport = [...coldFiles];
const toPrune = [...coldFiles];

const config = loadBaseConfig({ MILLRACE_PROJECT: 'none', ...processEnvironment() });
const stage = await openWorkflowStage(
  { address: config.temporalAddress, namespace: config.temporalNamespace },
  `recorded-${Date.now().toString(36)}`,
  {
    ...world.activities(),
    ...backfill.activities((type, message) => ApplicationFailure.create({ type, message, nonRetryable: true })),
    runIngest: consume,
    runFold: consume,
    runDerive: consume,
    runDecisionSink: consume,
    rewindIngest: async () => undefined,
    streamLag: async () => ({ flights: 0 }),
    monitorClosedWindows: async () => ({
      windows: [],
      triggered: { trigger: 'feature-drift', reason: '6 features have a PSI over 0.25', requestedBy: 'monitor', dataCut: 1_400_000_000_000 },
    }),
    acknowledgeTrigger: async () => undefined,
    viewPartitions: async () => ({ partitions: 4 }),
    materializePartitions: async ({ partitions }) => ({ keys: 10, events: 100, busy: partitions.length === 4 ? [2, 3] : [] }),
    planHistorical: async () => ({ rows: 600, chunks: 6 }),
    readHistoricalChunk: async () => ({ rows: 100 }),
    writeHistorical: async ({ request }) => ({ out: request.out, rows: 600, sha256: '0'.repeat(64), differences: null }),
    dropHistorical: async () => undefined,
    sweepColdLog: async () => ({ removed: 0 }),
    exportNextFile: async () => ({ file: toExport.shift() ?? null }),
    pruneNextFile: async () => ({ file: toPrune.shift() ?? null }),
  },
);
try {
  for (const [name, record] of Object.entries(recorders)) {
    if (asked.length === 0 || asked.includes(name)) await record(stage);
  }
} finally {
  await stage.close();
}
