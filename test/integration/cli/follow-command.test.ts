import { afterAll, beforeAll, expect, test } from 'vitest';
import { createArtifactStore } from '../../../src/infra/artifacts.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { createPostgres } from '../../../src/infra/postgres.ts';
import { createRegistry } from '../../../src/registry/registry.ts';
import { type CommandStage } from '../../support/cli/command-stage.ts';
import { someVersion } from '../../support/registry-stage.ts';
import { noEvidence } from '../../support/workflows/stub-world.ts';
import type { WorkflowHandle } from '@temporalio/client';
import { openWorldCommandStage, type WorldCommandStage } from '../../support/cli/world-command-stage.ts';
import { worldWithChampion } from '../../support/workflows/lifecycle-stage.ts';

let stage: CommandStage;
let commands: WorldCommandStage;
let lifecycle: WorkflowHandle;
const world = worldWithChampion(3);

beforeAll(async () => {
  commands = await openWorldCommandStage(() => world);
  ({ stage } = commands);
  lifecycle = await commands.startLifecycle({ canaryShares: [] });
  expect((await stage.run('plan')).exitCode).toBe(0);
  const postgres = createPostgres({ url: stage.environment['MILLRACE_POSTGRES_URL'] ?? '', applicationName: 'test', logger: createLogger('test', 'silent') });
  const registry = createRegistry(postgres, createArtifactStore(stage.dataDir));
  await registry.registerModel('fraud', {});
  for (const seed of [1, 2, 3]) await registry.registerVersion(someVersion('fraud', seed));
  await postgres.close();
});
afterAll(async () => {
  await lifecycle.terminate();
  await commands.close();
});

test('promote and rollback are followed until they are done, or refused', async () => {
  expect(await stage.run('promote', 'fraud', '2', '--wait')).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^promoted: cli/) as string });
  expect(world.allocation?.champion).toBe(2);
  expect(await stage.run('promote', 'fraud', '2', '--wait')).toMatchObject({ exitCode: 5, stdout: expect.stringContaining('version 2 is the champion already') as string });
  world.refuses = () => 'golden batch differs';
  expect(await stage.run('promote', 'fraud', '3', '--wait')).toMatchObject({ exitCode: 5, stdout: expect.stringContaining('SERVING_VERSION_REJECTED: golden batch differs') as string });
  world.refuses = () => null;
  const back = await stage.run('rollback', 'fraud', '--to', '1', '--wait', '--json');
  expect([back.exitCode, JSON.parse(back.stdout)]).toEqual([0, expect.objectContaining({ model: 'fraud', kind: 'rollback', what: 'rolled back', version: 1 })]);
  expect(await stage.run('approve', 'fraud', '--wait')).toMatchObject({ exitCode: 5, stdout: expect.stringContaining('no rollout is there to approve') as string });
});

test('a rollout is followed until its verdict, and a rollback until it has ended it', async () => {
  expect(await stage.run('rollout', 'fraud', '2', '--wait')).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^promoted: /) as string });
  world.evidence = () => noEvidence;
  const rollout = stage.run('rollout', 'fraud', '3', '--wait');
  await expect.poll(() => world.allocation?.shadow, { timeout: 30_000 }).toBe(3);
  expect(await stage.run('rollback', 'fraud', '--wait')).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^cancelled: /) as string });
  expect(await rollout).toMatchObject({ exitCode: 5, stdout: expect.stringMatching(/^cancelled: /) as string });
  expect(world.allocation).toMatchObject({ champion: 2, shadow: null });
});

test('a wait that takes too long is given up, and says that it may still be done', async () => {
  world.evidence = () => noEvidence;
  expect(await stage.run('rollout', 'fraud', '1', '--wait', '--timeout', '1s')).toMatchObject({ exitCode: expect.any(Number) as number, stderr: expect.stringContaining('WAIT_TIMED_OUT') as string });
});
