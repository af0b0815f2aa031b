import { afterAll, beforeAll, expect, test } from 'vitest';
import { lifecycleSignals } from '../../../src/contracts/lifecycle.ts';
import { createArtifactStore } from '../../../src/infra/artifacts.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { createPostgres, type Postgres } from '../../../src/infra/postgres.ts';
import { createRegistry } from '../../../src/registry/registry.ts';
import { createLogTableSql } from '../../../src/store/log-table.ts';
import { type CommandStage } from '../../support/cli/command-stage.ts';
import { fraud } from '../../support/cli/payments-project.ts';
import { someVersion } from '../../support/registry-stage.ts';
import { experimentOf } from '../../support/serving/experiment-of.ts';
import type { WorkflowHandle } from '@temporalio/client';
import { openWorldCommandStage, type WorldCommandStage } from '../../support/cli/world-command-stage.ts';
import { worldWithChampion } from '../../support/workflows/lifecycle-stage.ts';

let stage: CommandStage;
let commands: WorldCommandStage;
let lifecycle: WorkflowHandle;
let postgres: Postgres;
const world = worldWithChampion(2);
const start = ['experiment', 'start', 'fraud', 'wider', '--arm', 'control=1:0.5', '--arm', 'wide=2:0.2', '--reason', 'more cards'];

beforeAll(async () => {
  commands = await openWorldCommandStage(() => world);
  ({ stage } = commands);
  lifecycle = await commands.startLifecycle();
  expect((await stage.run('plan')).exitCode).toBe(0);
  const url = stage.environment['MILLRACE_POSTGRES_URL'] ?? '';
  postgres = createPostgres({ url, applicationName: 'test', logger: createLogger('test', 'silent') });
  for (const statement of createLogTableSql(fraud.label.source)) await postgres.query(statement);
});
afterAll(async () => {
  await lifecycle.terminate();
  await postgres.close();
  await commands.close();
});

test('start, shares and end are followed until they are done, or refused', async () => {
  const started = await stage.run(...start, '--wait');
  expect(started).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^experiment 'wider' started: control \(version 1\) 50 %, wide \(version 2\) 20 %, by cli/) as string });
  expect(await stage.run(...start, '--wait')).toMatchObject({ exitCode: 5, stdout: expect.stringContaining("experiment 'wider' runs: end it first") as string });
  const grown = await stage.run('experiment', 'shares', 'fraud', 'wider', '--share', 'wide=0.5', '--wait');
  expect(grown).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('wide (version 2) 50 %') as string });
  const ended = await stage.run('experiment', 'end', 'fraud', 'wider', '--winner', 'wide', '--wait', '--json');
  expect(ended.exitCode).toBe(0);
  expect(JSON.parse(ended.stdout)).toMatchObject({ model: 'fraud', kind: 'end-experiment', what: "experiment 'wider' ended", version: 2 });
  expect(world.allocation).toMatchObject({ champion: 2 });
});

test('without --wait the lifecycle is signalled', async () => {
  const { exitCode, stdout } = await stage.run('experiment', 'end', 'fraud', 'nothing', '--json');
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ signal: lifecycleSignals.endExperiment, payload: { experiment: 'nothing', winner: null } });
});

test.each([
  [['--arm', 'control=1'], 'Expected <name>=<version>:<share>'],
  [['--arm', 'control=1:0.7', '--arm', 'wide=2:0.7'], 'shares add up to 1.4'],
  [['--arm', 'control=1:0.5', '--arm', 'wide=2:0.5', '--metric', 'clicks'], "metric 'clicks'"],
])('start %j is wrong before anything is asked for', async (options, why) => {
  const { exitCode, stderr } = await stage.run('experiment', 'start', 'fraud', 'wider', ...options);
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining(why)]);
  if (options.length > 2) expect(stderr).toContain('(EXPERIMENT_INVALID)');
});

test('results are a page of 80 columns, and a document', async () => {
  expect(await stage.run('experiment', 'results', 'fraud')).toMatchObject({ exitCode: 4, stderr: expect.stringContaining('EXPERIMENT_NOT_FOUND') as string });
  const registry = createRegistry(postgres, createArtifactStore(stage.dataDir));
  await registry.registerModel('fraud', {});
  for (const seed of [1, 2]) await registry.registerVersion(someVersion('fraud', seed));
  const arms = [{ name: 'control', version: 1, share: 0.5 }, { name: 'wide', version: 2, share: 0.5 }];
  const change = { model: 'fraud', champion: 1, canary: null, shadow: null, actor: 'tester', action: 'test', reason: 'a test' };
  await registry.setAllocation({ ...change, expectedRevision: null });
  await registry.setAllocation({ ...change, expectedRevision: 1, experiment: experimentOf('paged', arms) });
  await postgres.query(
    `INSERT INTO millrace.decisions (id, model, version, variant, example_id, as_of, served_at, score, numbers, body)
     SELECT 'd' || n, 'fraud', 1 + n % 2, CASE n % 2 WHEN 0 THEN 'paged/control' ELSE 'paged/wide' END, 'p' || n, now(), now() + interval '1 minute',
       0.2 + (n % 7) * 0.1, '', jsonb_build_object('unit', 'card' || n % 150, 'latencyMs', jsonb_build_object('total', n % 10))
     FROM generate_series(1, 600) AS n`,
  );
  const { exitCode, stdout } = await stage.run('experiment', 'results', 'fraud');
  expect([exitCode, stdout.split('\n').filter((line) => line.length > 80)]).toEqual([0, []]);
  expect(stdout).toMatch(/^control \(control\) +1 +50 % +300 +75 +0 +9$|^control \(control\) +1 +50 % +300 +75 +0 +8$/m);
  expect(stdout).toMatch(/^log-loss \* +control +— +—/m);
  expect(stdout).toMatch(/^score +control +0\.\d+ +—/m);
  expect(stdout).toMatch(/^ +wide +0\.\d+ +-?0\.\d+ +-?0\.\d+ +0\.\d+ +0\.\d+$/m);
  expect(stdout).toContain('Sizes of the arms fit their shares (p 1).');
  await postgres.query(`DELETE FROM millrace.decisions WHERE variant = 'paged/wide' AND body->>'unit' LIKE '%1'`);
  await postgres.query(`DELETE FROM millrace.decisions WHERE variant = 'paged/wide' AND body->>'unit' LIKE '%3'`);
  await postgres.query(`DELETE FROM millrace.decisions WHERE variant = 'paged/wide' AND body->>'unit' LIKE '%5'`);
  const missing = await stage.run('experiment', 'results', 'fraud', 'paged', '--json');
  expect(missing.exitCode).toBe(5);
  expect(JSON.parse(missing.stdout)).toMatchObject({ experiment: { name: 'paged' }, sampleRatio: { isMismatch: true }, arms: [{ entities: 75 }, { entities: 30 }] });
  expect((await stage.run('experiment', 'results', 'fraud')).stdout).toContain('SAMPLE RATIO MISMATCH');
  expect((await stage.run('models', 'fraud')).stdout).toMatch(/^2 +paged\/wide/m);
});
