import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { historicalQueries, type HistoricalProgress, type HistoricalResult } from '../../../src/contracts/historical.ts';
import { workflowIds } from '../../../src/contracts/lifecycle.ts';
import { sha256Hex } from '../../../src/infra/artifacts.ts';
import { loadProject } from '../../../src/infra/load-project.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { createPostgres } from '../../../src/infra/postgres.ts';
import { appendEvents } from '../../../src/store/offline-log.ts';
import { openCommandStage, type CommandStage } from '../../support/cli/command-stage.ts';
import { eventually } from '../../support/eventually.ts';
import { testStack } from '../../support/test-stack.ts';

const START_MS = Date.UTC(2024, 0, 1);
const MINUTE_MS = 60_000;
const EVENTS = 30_000;
const CARDS = 500;
const ROWS = 60_000;
const WAIT_MS = 120_000;
const TIMEOUT_MS = 300_000;

let stage: CommandStage;
let client: Client;
let connection: Connection;
const workers = new Set<ChildProcess>();
const file = (name: string): string => path.join(stage.dataDir, name);

function startWorker(): ChildProcess {
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const entry = fileURLToPath(new URL('../../../workers/orchestration.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', loader, entry], {
    env: { ...process.env, ...stage.environment, MILLRACE_LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  workers.add(child);
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  workers.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}

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
  await appendEvents(
    postgres,
    payments,
    Array.from({ length: EVENTS }, (_, i) => {
      const at = START_MS + i * MINUTE_MS;
      const row = { paymentId: `p${i}`, cardId: `c${(i * 7) % CARDS}`, amount: (i % 97) + 0.25, at };
      return { sourcePartition: 0, sourceOffset: i, eventTime: at, effectiveTime: at, knownTime: at + (i % 5) * 90 * MINUTE_MS, row };
    }),
  );
  await postgres.close();
  const rows = Array.from({ length: ROWS }, (_, i) => `c${(i * 11) % CARDS},${START_MS + ((i * 7_919) % EVENTS) * MINUTE_MS},${i}`);
  writeFileSync(file('spine.csv'), `cardId,asOf,n\n${rows.join('\n')}\n`);
  const { temporalAddress, temporalNamespace } = testStack();
  connection = await Connection.connect({ address: temporalAddress });
  client = new Client({ connection, namespace: temporalNamespace });
}, WAIT_MS);
afterAll(async () => {
  for (const worker of [...workers]) await end(worker, 'SIGKILL');
  await connection.close();
  await stage.close();
});

const asOf = (out: string, ...argv: string[]) =>
  stage.run('features', 'as-of', '--spine', file('spine.csv'), '--views', 'card_activity', '--out', out, '--json', ...argv);

test('a read of the past goes on after kill -9 of its worker, and gives the bytes of a read in one process', { timeout: TIMEOUT_MS }, async () => {
  expect((await asOf(file('here.parquet'), '--threads', '1')).exitCode).toBe(0);
  const expected = sha256Hex(readFileSync(file('here.parquet')));
  const out = file('workflow.parquet');
  const first = startWorker();
  const started = await asOf(out, '--workflow');
  expect(JSON.parse(started.stdout)).toMatchObject({ workflowId: workflowIds.readHistorical(stage.environment['MILLRACE_NAMESPACE']!, out) });
  const values = () => (existsSync(`${out}.work`) ? readdirSync(`${out}.work`).filter((name) => /^values-.*\.bin$/.test(name)) : []);
  const kept = await eventually('the first values', WAIT_MS, async () => values(), (found) => found.length > 0);
  await end(first, 'SIGKILL');
  expect(existsSync(out)).toBe(false);
  const before = kept.map((name) => [name, statSync(path.join(`${out}.work`, name)).mtimeMs]);
  const handle = client.workflow.getHandle(workflowIds.readHistorical(stage.environment['MILLRACE_NAMESPACE']!, out));
  startWorker();
  const progress = await eventually(
    'progress',
    WAIT_MS,
    () => handle.query<HistoricalProgress>(historicalQueries.progress),
    ({ chunks }) => chunks > 1,
  );
  expect(progress.rows).toBe(ROWS);
  // What was done before stays as it was.
  expect(before.filter(([name]) => existsSync(path.join(`${out}.work`, String(name)))).map(([name]) => [name, statSync(path.join(`${out}.work`, String(name))).mtimeMs])).toEqual(
    before.filter(([name]) => existsSync(path.join(`${out}.work`, String(name)))),
  );
  const result = (await handle.result()) as HistoricalResult;
  expect(result).toEqual({ out, rows: ROWS, sha256: expected, differences: null });
  expect(sha256Hex(readFileSync(out))).toBe(expected);
  expect(JSON.parse(readFileSync(`${out}.manifest.json`, 'utf8'))).toMatchObject({ rows: ROWS, out: { sha256: expected } });
  expect(existsSync(`${out}.work`)).toBe(false);
});

test('--wait answers what was compared, and a spine that is wrong fails with its code and leaves nothing', { timeout: TIMEOUT_MS }, async () => {
  if (workers.size === 0) startWorker();
  const compared = await asOf(file('leaks.ndjson'), '--compare', '--workflow', '--wait');
  expect(compared.exitCode).toBe(0);
  const found = JSON.parse(compared.stdout) as HistoricalResult;
  expect(found.differences).toBe(readFileSync(file('leaks.ndjson'), 'utf8').trimEnd().split('\n').length);
  expect(found.differences).toBeGreaterThan(100);
  writeFileSync(file('wrong.csv'), 'cardId,when\nc1,0\n');
  const wrong = await stage.run('features', 'as-of', '--spine', file('wrong.csv'), '--views', 'card_activity', '--out', file('none.csv'), '--workflow', '--wait', '--json');
  expect(wrong.exitCode).not.toBe(0);
  expect(wrong.stderr + wrong.stdout).toMatch(/FEATURE_SPINE_INVALID[^]*no column 'asOf'|no column 'asOf'/);
  expect(['', '.work', '.manifest.json'].filter((ending) => existsSync(file(`none.csv${ending}`)))).toEqual([]);
});
