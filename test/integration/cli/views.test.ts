import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../../src/infra/logger.ts';
import { createPostgres, type Postgres } from '../../../src/infra/postgres.ts';
import { appendEvents } from '../../../src/store/offline-log.ts';
import { advanceIngestPositions } from '../../../src/store/ingest-positions.ts';
import { openCommandStage, type CommandStage } from '../../support/cli/command-stage.ts';
import { payments } from '../../support/cli/payments-project.ts';

const EVENTS = 1_200;
const CARDS = 40;
const changed = fileURLToPath(new URL('../../support/cli/changed-payments-project.ts', import.meta.url));
let stage: CommandStage;
let postgres: Postgres;

beforeAll(async () => {
  stage = await openCommandStage();
  expect((await stage.run('apply')).exitCode).toBe(0);
  postgres = createPostgres({
    url: stage.environment['MILLRACE_POSTGRES_URL'] as string,
    applicationName: 'test',
    logger: createLogger('test', 'silent'),
  });
  const rows = Array.from({ length: EVENTS }, (_, n) => {
    const at = Date.UTC(2024, 0, 1) + n * 60_000;
    return {
      sourcePartition: 0,
      sourceOffset: n,
      eventTime: at,
      effectiveTime: at,
      knownTime: at,
      row: { paymentId: `p${n}`, cardId: `c${n % CARDS}`, amount: n, at },
    };
  });
  await appendEvents(postgres, payments, rows);
  const counts = { stored: EVENTS, duplicates: 0, deadLetters: 0, beyondWindows: 0, newestKnownTime: null };
  const at = { source: payments.name, partition: 0, expectedOffset: 0, nextOffset: EVENTS };
  expect(await advanceIngestPositions(postgres, [{ ...at, ...counts }])).toHaveLength(1);
});
afterAll(async () => {
  await postgres.close();
  await stage.close();
});

test('plan shows rows, keys, bytes and minutes of what is to be recomputed, and how they were estimated', async () => {
  const { exitCode, stdout } = await stage.run('plan', '--project', changed, '--rate', '5000');
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^recompute +featureView +card_activity\n? +version 2 from the offline log, beside version 1$/m);
  expect(stdout).toMatch(/^card_activity version 2 +1,200 +40 +~[\d.]+ KiB +~0\.1$/m);
  expect(stdout).toContain('Measured by folding the newest 1,200 rows on this machine');
  expect(stdout).toContain('The backfill reads at most 5,000\nrows of the log a second');
  expect(stdout).toContain('Models touched:\n  fraud');
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
});

test('apply begins the new version beside the old one, and says how to follow it', async () => {
  const { exitCode, stdout, stderr } = await stage.run('apply', '--project', changed);
  expect(exitCode).toBe(0);
  expect(stdout).toContain('Filled in the background, the old versions serve meanwhile. Follow it: millrace views');
  expect(stdout).toContain('millrace train fraud');
  expect(stderr).toContain('/backfill-features/card_activity/2 runs.');
  const states = await postgres.query<{ version: number; state: string }>(
    'SELECT version, state FROM millrace.view_versions ORDER BY version',
  );
  expect(states).toEqual([
    { version: 1, state: 'current' },
    { version: 2, state: 'building' },
  ]);
  // No worker runs here: the workflow takes them when one does.
  expect((await stage.run('views', 'pause', 'card_activity', '2')).exitCode).toBe(0);
  expect((await stage.run('views', 'rate', 'card_activity', '2', '100')).exitCode).toBe(0);
  expect((await stage.run('views', 'resume', 'card_activity', '2')).exitCode).toBe(0);
  expect(await stage.run('views', 'rate', 'card_activity', '2', '100000000')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('at most 10000000 rows a second') as string,
  });
  expect((await stage.run('plan', '--project', changed)).stdout).toMatch(/version 2 going on, it is building/);
});

test('a version that left the project before it was filled retires, and goes', async () => {
  const back = await stage.run('apply', '--keep', '0s', '--json');
  expect(JSON.parse(back.stdout)).toMatchObject({
    steps: expect.arrayContaining([
      { action: 'retire', kind: 'featureView', name: 'card_activity', detail: 'version 2 is building and no longer in the project' },
    ]) as unknown,
  });
  const gone = await stage.run('apply', '--keep', '0s', '--json');
  expect(JSON.parse(gone.stdout)).toMatchObject({ steps: [{ action: 'remove', name: 'card_activity' }] });
  expect(JSON.parse((await stage.run('plan', '--json')).stdout)).toMatchObject({ steps: [], kept: [] });
  const ledger = JSON.parse((await stage.run('ledger', '--json')).stdout) as { action: string; details: object }[];
  expect(ledger).toMatchObject([{ action: 'remove-view', details: { view: 'card_activity', viewVersion: 2 } }]);
  expect((await stage.run('ledger', 'verify')).exitCode).toBe(0);
  const { stdout } = await stage.run('views');
  expect(stdout).toMatch(/^card_activity +1 +current/m);
  expect(stdout).toMatch(/^card_activity +2 +gone/m);
});
