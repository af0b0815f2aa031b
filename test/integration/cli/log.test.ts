import { Client, Connection, ScheduleNotFoundError } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createColdLogActivities } from '../../../activities/cold-log.ts';
import { workflowIds } from '../../../src/contracts/lifecycle.ts';
import { createNames } from '../../../src/contracts/names.ts';
import { loadColdLogConfig } from '../../../src/infra/cold-log-config.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { loadProject } from '../../../src/infra/load-project.ts';
import { createPostgres } from '../../../src/infra/postgres.ts';
import { connectTemporal } from '../../../src/infra/temporal.ts';
import { createColdLog, withColdLog, type LogDatabase } from '../../../src/store/cold-log/cold-log.ts';
import { ensureExportSchedules } from '../../../workers/ensure-export-schedules.ts';
import { openCommandStage, type CommandStage } from '../../support/cli/command-stage.ts';
import { ingest } from '../../support/store/cold-stage.ts';
import { openWorkflowStage, type WorkflowStage } from '../../support/workflows/workflow-stage.ts';

const DAY_MS = 86_400_000;
const START = Date.UTC(2024, 0, 1);
const TIMEOUT_MS = 60_000;

let stage: CommandStage;
let workflows: WorkflowStage;
let db: LogDatabase;

beforeAll(async () => {
  stage = await openCommandStage();
  expect((await stage.run('apply')).exitCode).toBe(0);
  const { environment } = stage;
  const project = await loadProject(environment['MILLRACE_PROJECT'] as string);
  const config = loadColdLogConfig(environment);
  const postgres = createPostgres({
    url: environment['MILLRACE_POSTGRES_URL'] as string,
    applicationName: 'test',
    logger: createLogger('test', 'silent'),
  });
  db = withColdLog(postgres, createColdLog(config));
  const server = {
    address: environment['MILLRACE_TEMPORAL_ADDRESS'] as string,
    namespace: environment['MILLRACE_TEMPORAL_NAMESPACE'] as string,
  };
  // The workers of this test know nothing of consumers.
  const temporal = await connectTemporal(server);
  await temporal.client.workflow.getHandle(workflowIds.ingestion(environment['MILLRACE_NAMESPACE'] as string)).terminate();
  await temporal.close();
  const activities = createColdLogActivities({ db, project, config, clock: Date.now });
  workflows = await openWorkflowStage(server, environment['MILLRACE_NAMESPACE'] as string, activities);
  const payments = project.sources.find(({ name }) => name === 'payments')!;
  const events = Array.from({ length: 40 * 24 }, (_, hour) => {
    const at = START + (hour * DAY_MS) / 24;
    const row = { paymentId: `p${hour}`, cardId: `c${hour % 2}`, amount: 0.1 * hour, at };
    return { sourcePartition: hour % payments.partitions, sourceOffset: Math.floor(hour / payments.partitions), eventTime: at, effectiveTime: at, knownTime: at, row };
  });
  await ingest(db, payments, events);
}, TIMEOUT_MS);
afterAll(async () => {
  await workflows.close();
  db.coldLog.close();
  await db.close();
  await stage.close();
});

test(
  'log export writes the closed days and prunes those that nobody needs; log list and features sql read what is where',
  async () => {
    expect((await stage.run('log', 'list')).stdout).toMatch(/^Nothing is exported\.\npayments: Postgres keeps rows known from 2024-01-/);
    const sql = ['features', 'sql', 'card_activity', '--as-of', '2024-01-03T12:00:00Z', '--dialect', 'duckdb'];
    const before = await stage.run(...sql, '--run', '--json');
    expect(JSON.parse(before.stdout)).toMatchObject({
      columns: ['cardId', 'as of', 'payments_1h', 'mean_amount_1d'],
      rows: expect.arrayContaining([['c0', '2024-01-03T12:00:00.000Z', 1, expect.closeTo(4.8) as number]]) as unknown,
    });

    const { exitCode, stdout } = await stage.run('log', 'export', 'payments', '--prune', '--wait', '--json');
    expect(exitCode).toBe(0);
    // 40 days: the last is open, the one before has not been over for a day; 30 are kept.
    expect(JSON.parse(stdout)).toMatchObject([{ source: 'payments', files: 38, rows: 38 * 24, prunedFiles: 9, prunedRows: 9 * 24 }]);
    const [left] = await db.query<{ rows: number }>('SELECT count(*)::int AS rows FROM log.payments');
    expect(left?.rows).toBe(31 * 24);

    const list = (await stage.run('log', 'list', 'payments')).stdout;
    expect(list).toMatch(/^payments +2024-01-09 +24 +\d+ +file$/m);
    expect(list).toMatch(/^payments +2024-01-10 +24 +\d+ +Postgres and file$/m);
    expect(list).toContain('payments: Postgres keeps rows known from 2024-01-10T');

    const rowsOf = (text: string) => (JSON.parse(text) as { rows: unknown[][] }).rows.map(String).sort();
    expect(rowsOf((await stage.run(...sql, '--run', '--json')).stdout)).toEqual(rowsOf(before.stdout));
    const printed = (await stage.run(...sql)).stdout;
    expect(printed).toContain("CREATE OR REPLACE VIEW log.\"payments\" AS SELECT");
    expect(printed).toContain('-- Feature view \'card_activity\'');
    expect((await stage.run(...sql, '--run')).stdout).toMatch(/^c0 +2024-01-03T12:00:00.000Z +1 +4\.8/m);
  },
  TIMEOUT_MS,
);

test('a source that is not in the project, and a run that is not in DuckDB, are refused', async () => {
  const unknown = await stage.run('log', 'list', 'nothing', '--json');
  expect(JSON.parse(unknown.stdout)).toMatchObject({ code: 'STREAM_SOURCE_NOT_FOUND' });
  const wrong = await stage.run('features', 'sql', 'card_activity', '--run', '--json');
  expect(JSON.parse(wrong.stdout)).toMatchObject({ code: 'REQUEST_INVALID' });
});

test('the settings make a schedule of exports, change it, and take it away', async () => {
  const { environment } = stage;
  const project = await loadProject(environment['MILLRACE_PROJECT'] as string);
  const names = createNames(environment['MILLRACE_NAMESPACE'] as string);
  const connection = await Connection.connect({ address: environment['MILLRACE_TEMPORAL_ADDRESS'] as string });
  const client = new Client({ connection, namespace: environment['MILLRACE_TEMPORAL_NAMESPACE'] as string });
  try {
    const ensure = (every: string, prune: string) =>
      ensureExportSchedules(client, project, names, loadColdLogConfig({ MILLRACE_COLD_LOG_EXPORT_EVERY: every, MILLRACE_COLD_LOG_PRUNE: prune }));
    const schedule = client.schedule.getHandle(workflowIds.exportLogSchedule(names.namespace, 'payments'));
    await ensure('6h', 'off');
    await ensure('12h', 'on');
    const { spec, action } = await schedule.describe();
    expect(spec.intervals).toMatchObject([{ every: 12 * 3_600_000 }]);
    expect(action.args).toEqual([{ namespace: names.namespace, source: 'payments', prune: true }]);
    await ensure('off', 'on');
    await ensure('off', 'on');
    await expect(schedule.describe()).rejects.toThrow(ScheduleNotFoundError);
  } finally {
    await connection.close();
  }
});
