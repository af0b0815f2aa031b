import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { AuditMismatch } from '../../../src/contracts/audit.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { migrate } from '../../../src/infra/migrate.ts';
import { createPostgres } from '../../../src/infra/postgres.ts';
import { createLogTableSql } from '../../../src/store/log-table.ts';
import { type CommandStage } from '../../support/cli/command-stage.ts';
import payments from '../../support/cli/payments-project.ts';
import { migrationsDirectory } from '../../support/registry-stage.ts';
import { StubWorld } from '../../support/workflows/stub-world.ts';
import { openWorldCommandStage, type WorldCommandStage } from '../../support/cli/world-command-stage.ts';

let stage: CommandStage;
let commands: WorldCommandStage;
let world: StubWorld;

beforeAll(async () => {
  commands = await openWorldCommandStage(() => world);
  ({ stage } = commands);
});
afterAll(async () => {
  await commands.close();
});
beforeEach(() => {
  world = new StubWorld();
});

const mismatch: AuditMismatch = {
  decision: 'd-17',
  version: 1,
  asOf: 0,
  feature: 'card_activity.payments_1h',
  view: 'card_activity',
  entityKey: 'c\u001f1',
  window: '1h',
  served: 3,
  recomputed: null,
  beyondGrace: true,
  events: { count: 4, newest: [[0, 17], [1, 3]] },
};

test('audit --wait answers what was found, and names the certificate', async () => {
  const { exitCode, stdout } = await stage.run('audit', 'fraud', '--sample', '10', '--wait');
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^verdict +clean$/m);
  expect(stdout).toMatch(/^found +100 decisions, 400 values: none differs, none stale$/m);
  expect(stdout).toMatch(/^certificate +1, sha256 digest$/m);
});

test('audit --wait ends with exit code 1 where a value differs, and names it', async () => {
  const staleFeatures = { amount: 2 };
  world.audited = { ...world.audited, mismatched: 1, mismatches: [mismatch], mismatchedFeatures: { x: 1 }, stale: 2, staleFeatures };
  const { exitCode, stdout } = await stage.run('audit', 'fraud', '--wait');
  expect(exitCode).toBe(1);
  expect(stdout).toContain(
    [
      'card_activity.payments_1h of c/1: served 3, raw rows —',
      '  decision d-17, version 1, as of 1970-01-01T00:00:00Z, window 1h',
      '  events seen 4 0/17 1/3',
      '  read more than an hour before the newest event of its state: tiles may be dropped',
    ].join('\n'),
  );
  expect(stdout).toMatch(/^amount +2$/m);
  const { exitCode: again, stdout: json } = await stage.run('audit', 'fraud', '--wait', '--json');
  expect(again).toBe(1);
  expect(JSON.parse(json)).toMatchObject({ verdict: 'mismatched', tally: { mismatches: [mismatch] } });
});

test('audit without --wait says which workflow runs', async () => {
  const { exitCode, stdout } = await stage.run('audit', 'fraud', '--from', '0', '--to', '1', '--json');
  expect(exitCode).toBe(0);
  const namespace = stage.environment['MILLRACE_NAMESPACE'] ?? '';
  expect(JSON.parse(stdout)).toMatchObject({
    workflowId: expect.stringMatching(`^${namespace}/audit-skew/fraud/asked-`) as string,
  });
});

test.each([
  [['audit', 'nothing'], 'MODEL_NOT_FOUND'],
  [['features', 'sql', 'nothing'], 'FEATURE_VIEW_NOT_FOUND'],
])('%j is not found', async (argv, code) => {
  const { exitCode, stderr } = await stage.run(...argv);
  expect(exitCode).toBe(4);
  expect(stderr).toContain(`(${code})`);
});

test('features sql prints a query that the database of the project runs', async () => {
  const { stdout } = await stage.run('features', 'sql', 'card_activity', '--entity', "c'1", '--as-of', '1000', '--json');
  const { sql } = JSON.parse(stdout) as { sql: string };
  expect(sql).toContain(`'c''1' AS "cardId"`);
  const url = stage.environment['MILLRACE_POSTGRES_URL'] ?? '';
  const postgres = createPostgres({ url, applicationName: 'test', logger: createLogger('test', 'silent') });
  try {
    await migrate(postgres, migrationsDirectory);
    for (const source of payments.sources) for (const statement of createLogTableSql(source)) await postgres.query(statement);
    expect(await postgres.query(sql)).toEqual([
      { cardId: "c'1", 'as of': new Date(1000), payments_1h: 0, mean_amount_1d: null },
    ]);
  } finally {
    await postgres.close();
  }
});
