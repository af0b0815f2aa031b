import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../../src/infra/logger.ts';
import { loadProject } from '../../../src/infra/load-project.ts';
import { createPostgres } from '../../../src/infra/postgres.ts';
import { appendEvents } from '../../../src/store/offline-log.ts';
import { openCommandStage, type CommandStage } from '../../support/cli/command-stage.ts';

const HOUR_MS = 3_600_000;
const NOON = Date.UTC(2024, 0, 1, 12);
let stage: CommandStage;
const file = (name: string): string => path.join(stage.dataDir, name);

beforeAll(async () => {
  stage = await openCommandStage();
  expect((await stage.run('apply')).exitCode).toBe(0);
  const project = await loadProject(stage.environment['MILLRACE_PROJECT'] as string);
  const payments = project.sources.find((source) => source.name === 'payments')!;
  const postgres = createPostgres({
    url: stage.environment['MILLRACE_POSTGRES_URL'] as string,
    applicationName: 'test',
    logger: createLogger('test', 'silent'),
  });
  const event = (offset: number, at: number, knownTime: number) => ({
    sourcePartition: 0,
    sourceOffset: offset,
    eventTime: at,
    effectiveTime: at,
    knownTime,
    row: { paymentId: `p${offset}`, cardId: 'c1', amount: 10 + offset, at },
  });
  // The second happened half an hour before noon and was heard of an hour after it.
  await appendEvents(postgres, payments, [
    event(0, NOON - HOUR_MS / 4, NOON - HOUR_MS / 4),
    event(1, NOON - HOUR_MS / 2, NOON + HOUR_MS),
  ]);
  await postgres.close();
  writeFileSync(
    file('spine.csv'),
    'label,cardId,asOf\nlate,c1,2024-01-01T12:00:00Z\nearly,c1,2024-01-01T11:00:00Z\nother,c2,2024-01-01T12:00:00Z\n',
  );
});
afterAll(() => stage.close());

const asOf = (...argv: string[]) => stage.run('features', 'as-of', '--spine', file('spine.csv'), ...argv);

test('features as-of writes the rows of a file with what was known at their times', async () => {
  const { exitCode, stdout } = await asOf('--views', 'card_activity', '--out', file('out.csv'));
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^rows +3$/m);
  expect(readFileSync(file('out.csv'), 'utf8')).toBe(
    'label,cardId,asOf,card_activity.payments_1h,card_activity.mean_amount_1d\nlate,c1,2024-01-01T12:00:00Z,1,10\nearly,c1,2024-01-01T11:00:00Z,0,\nother,c2,2024-01-01T12:00:00Z,0,\n',
  );
  const cut = await asOf(
    '--views',
    'card_activity',
    '--out',
    file('cut.csv'),
    '--mode',
    'happened',
    '--data-cut',
    '2024-01-01T11:50:00Z',
    '--json',
  );
  expect(JSON.parse(cut.stdout)).toMatchObject({
    mode: 'happened',
    rows: 3,
    rowsAfterDataCut: 2,
    dataCut: NOON - HOUR_MS / 6,
  });
});

test('--compare tells which values late events would have leaked, and how many by feature', async () => {
  const { exitCode, stdout } = await asOf(
    '--views',
    'card_activity',
    '--out',
    file('leaks.ndjson'),
    '--compare',
  );
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^rows that differ +1$/m);
  expect(stdout).toMatch(/^card_activity.payments_1h +1$/m);
  const lines = readFileSync(file('leaks.ndjson'), 'utf8').trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    {
      row: 1,
      asOf: '2024-01-01T12:00:00Z',
      cardId: 'c1',
      feature: 'card_activity.payments_1h',
      known: 1,
      happened: 2,
    },
    {
      row: 1,
      asOf: '2024-01-01T12:00:00Z',
      cardId: 'c1',
      feature: 'card_activity.mean_amount_1d',
      known: 10,
      happened: 10.5,
    },
  ]);
});

test.each([
  [['--views', 'nothing', '--out', 'out.csv'], 4, 'FEATURE_NOT_FOUND'],
  [['--service', 'fraud', '--out', 'out.csv'], 2, 'FEATURE_SPINE_INVALID'],
  [['--views', 'card_activity', '--service', 'fraud', '--out', 'out.csv'], 2, 'REQUEST_INVALID'],
  [['--views', 'card_activity', '--out', 'out.txt'], 2, 'FEATURE_SPINE_INVALID'],
  [['--views', 'card_activity', '--out', 'out.csv', '--spine-sql', 'SELECT 1'], 2, 'REQUEST_INVALID'],
  [['--views', 'card_activity', '--out', 'out.csv', '--events', 'other=other.parquet'], 2, 'FEATURE_SPINE_INVALID'],
])('features as-of %j fails with exit code %i', async (argv, exitCode, code) => {
  const answer = await asOf(...argv, '--json');
  expect(answer.exitCode).toBe(exitCode);
  expect(JSON.parse(answer.stdout)).toMatchObject({ code });
});
