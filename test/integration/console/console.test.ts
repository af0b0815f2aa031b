import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningConsole } from '../../../console/start-console.ts';
import { createArtifactStore } from '../../../src/infra/artifacts.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { createPostgres, type Postgres } from '../../../src/infra/postgres.ts';
import { storeReport } from '../../../src/monitoring/monitor-reports.ts';
import { createRegistry, type Registry } from '../../../src/registry/registry.ts';
import { openCommandStage, type CommandStage } from '../../support/cli/command-stage.ts';
import {
  ask,
  openConsole,
  storeDeadLetters,
  storePayments,
  windowReport,
  type Answer,
} from '../../support/console/console-stage.ts';
import { eventually } from '../../support/eventually.ts';
import { someVersion } from '../../support/registry-stage.ts';

const AT = Date.UTC(2026, 0, 31, 12);
const PAYLOAD_CHARS_MAX = 2_000;

let stage: CommandStage;
let postgres: Postgres;
let registry: Registry;
let running: RunningConsole;
const get = (url: string, headers?: Record<string, string>): Promise<Answer> =>
  ask(`${running.url}${url}`, headers);

beforeAll(async () => {
  stage = await openCommandStage();
  expect((await stage.run('apply')).exitCode).toBe(0);
  postgres = createPostgres({
    url: stage.environment['MILLRACE_POSTGRES_URL'] as string,
    applicationName: 'test',
    logger: createLogger('test', 'silent'),
  });
  registry = createRegistry(postgres, createArtifactStore(path.join(stage.dataDir, 'artifacts')));
  for (const seed of [1, 2]) await registry.registerVersion(someVersion('fraud', seed));
  const change = { model: 'fraud', champion: 1, shadow: null, actor: 'tester', reason: 'a test' };
  await registry.setAllocation({ ...change, expectedRevision: null, canary: null, action: 'promote' });
  await registry.setAllocation({
    ...change,
    expectedRevision: 1,
    canary: { version: 2, share: 0.1 },
    action: 'canary',
  });
  await registry.reportServing({ process: 'p', model: 'fraud', revision: 2, loaded: [1, 2], rejected: [] });
  for (const day of [1, 2, 3]) await storeReport(postgres, 'fraud', windowReport(day), null);
  await storePayments(postgres, [
    { id: 'a', version: 1, at: AT, score: 0.1, fraud: false },
    { id: 'b', version: 2, variant: 'canary', at: AT + 1_000, score: 0.9, fraud: true },
    { id: 'c', version: 1, at: AT + 2_000, score: 0.3 },
  ]);
  await storeDeadLetters(postgres, ['{"a":', 'x'.repeat(3 * PAYLOAD_CHARS_MAX), '<b>']);
  const events = path.join(stage.dataDir, 'events.ndjson');
  const event = (n: number) => ({ paymentId: `p${n}`, cardId: 'c', amount: n, at: n * 1_000 });
  await writeFile(
    events,
    [1, 2]
      .map((n) =>
        JSON.stringify({ source: 'payments', id: `p${n}`, knownTime: n * 1_000, payload: event(n) }),
      )
      .join('\n'),
  );
  expect((await stage.run('replay', events)).exitCode).toBe(0);
  // Redis is connected to in the background; a query that no worker answers is given up early.
  running = await openConsole(stage.environment, {
    MILLRACE_CONSOLE_KEEP_MS: '50',
    MILLRACE_CONSOLE_READ_TIMEOUT_MS: '1500',
  });
  await eventually(
    'the views',
    10_000,
    async () => (await get('/api/overview')).text,
    (text) => !text.includes('"views",'),
  );
});
afterAll(async () => {
  await running.stop();
  await postgres.close();
  await stage.close();
});

test('the overview tells where events are, how far views are behind, what serves, and names what does not answer', async () => {
  const { status, body } = await get('/api/overview');
  expect(status).toBe(200);
  expect(body).toMatchObject({
    project: 'payments',
    namespace: stage.environment['MILLRACE_NAMESPACE'],
    addresses: { serving: 'http://127.0.0.1:1', gateway: 'http://127.0.0.1:2', temporalUi: null },
    commandOptions: ` --data-dir ${stage.dataDir}`,
    sources: [
      {
        source: 'payments',
        sent: 2,
        stored: 0,
        duplicates: 0,
        deadLetters: 0,
        missing: 2,
        newestKnownTime: null,
      },
      { source: 'chargebacks', sent: 0, missing: 0 },
    ],
    views: [
      {
        view: 'card_activity',
        version: 1,
        partitions: expect.any(Number) as number,
        behindEvents: 2,
        rebuilding: 0,
      },
    ],
    freshness: null,
    decisions: { stored: 0, waitingMessages: 0 },
    models: [
      {
        model: 'fraud',
        allocation: { revision: 2, champion: 1, canary: { version: 2, share: 0.1 }, shadow: null },
        serving: [{ process: 'p', loaded: [1, 2] }],
        lifecycle: null,
      },
    ],
    processes: null,
  });
  // The lifecycle runs, but no worker does that could answer for it.
  expect(body['problems']).toMatchObject([{ what: "lifecycle of 'fraud'", code: 'STATUS_TIMED_OUT' }]);
});

describe('a model', () => {
  test('has its versions, aliases, ledger, reports and traffic, and says that its lifecycle does not answer', async () => {
    const { status, body } = await get('/api/models/fraud');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      model: 'fraud',
      labelSource: 'chargebacks',
      monitor: { featurePsi: 0.25 },
      allocation: { revision: 2 },
      aliases: [
        { alias: 'challenger', version: 2 },
        { alias: 'champion', version: 1 },
      ],
      versions: [
        {
          version: 2,
          candidate: { auc: 0.77, logLoss: 0.45 },
          champion: null,
          lineage: { trigger: 'manual', dataCut: 2_000 },
        },
        { version: 1, digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string, registeredBy: 'tester' },
      ],
      lifecycle: null,
      reports: [1, 2, 3].map((day) => ({ from: day * 86_400_000, auc: 0.75, featurePsi: { delay: 0.4 } })),
      traffic: [
        { variant: 'canary', version: 2, decisions: 1, meanScore: 0.9, latencyP50Ms: 4 },
        { variant: 'champion', version: 1, decisions: 2, firstAt: AT, lastAt: AT + 2_000 },
      ],
      problems: [{ what: 'lifecycle', code: 'STATUS_TIMED_OUT' }],
    });
  });

  test('has its ledger in pages, newest first', async () => {
    const actions: string[] = [];
    let before: number | null = null;
    do {
      const { body } = await get(`/api/models/fraud?limit=3${before === null ? '' : `&before=${before}`}`);
      const ledger = body['ledger'] as { entries: { seq: number; action: string }[]; before: number | null };
      expect(ledger.entries.length).toBeLessThanOrEqual(3);
      actions.push(...ledger.entries.map(({ action }) => action));
      before = ledger.before;
    } while (before !== null);
    expect(actions).toEqual(['canary', 'promote', 'register', 'register']);
  });

  test('that the project does not have is not found, by name', async () => {
    for (const url of ['/api/models/other', '/api/models/other/decisions']) {
      expect(await get(url)).toMatchObject({
        status: 404,
        body: {
          code: 'MODEL_NOT_FOUND',
          error: "Model 'other' is not in the project 'payments'. It has: fraud.",
        },
      });
    }
  });
});

test.each([`/api/decisions/${'x'.repeat(5_000)}`, '/api/models/%zz'])(
  'a path that is no URL of the console is refused',
  async (url) => {
    const { status, body, headers } = await get(url);
    expect([400, 414]).toContain(status);
    expect(body['code']).toBe('REQUEST_INVALID');
    expect(headers).toHaveProperty('content-security-policy');
  },
);

describe('decisions', () => {
  test('come newest first, with their outcomes, in pages', async () => {
    const first = await get('/api/models/fraud/decisions?limit=2');
    expect(first.body).toMatchObject({
      decisions: [
        {
          id: 'c',
          version: 1,
          variant: 'champion',
          score: 0.3,
          totalMs: 4,
          label: null,
          servedAt: AT + 2_000,
        },
        { id: 'b', version: 2, variant: 'canary', score: 0.9, label: true, exampleId: 'b' },
      ],
    });
    const second = await get(`/api/models/fraud/decisions?limit=2&before=${String(first.body['before'])}`);
    expect(second.body).toMatchObject({ decisions: [{ id: 'a', label: false }], before: null });
  });

  test('open with the row by name, the fences, the latency and the outcome', async () => {
    expect((await get('/api/decisions/b')).body).toMatchObject({
      id: 'b',
      model: 'fraud',
      version: 2,
      numbers: [
        { name: 'delay', value: 0.1 },
        { name: 'distance', value: null },
      ],
      categories: [{ name: 'carrier', value: 'UA', known: true }],
      reads: [{ view: 'card_activity', fence: { 0: 41 } }],
      latencyMs: { features: 1, queue: 0.5, compute: 2, total: 4 },
      instance: { cardId: 'c' },
      threshold: 0.5,
      label: true,
    });
  });

  test.each(['nothing', 'x'.repeat(80), 'a%00b'])('that are not stored are not found', async (id) => {
    expect(await get(`/api/decisions/${id}`)).toMatchObject({
      status: 404,
      body: { code: 'DECISION_NOT_FOUND' },
    });
  });
});

test('dead letters come newest first, with cause and place, long payloads cut', async () => {
  const { body } = await get('/api/dead-letters?limit=2');
  expect(body['deadLetters']).toEqual([
    {
      source: 'payments',
      partition: 1,
      offset: 2,
      code: 'STREAM_EVENT_MALFORMED',
      message: 'no JSON',
      payload: '<b>',
      knownTime: 2_000,
    },
    expect.objectContaining({ offset: 1, payload: 'x'.repeat(PAYLOAD_CHARS_MAX) }),
  ]);
  // The command line has the payload whole.
  const { stdout } = await stage.run('dead-letters', 'payments', '--json');
  expect((JSON.parse(stdout) as { payload: string }[])[1]?.payload).toHaveLength(3 * PAYLOAD_CHARS_MAX);
});

test.each([
  '/api/models/fraud?limit=0',
  '/api/models/fraud?limit=201',
  '/api/models/fraud?before=x',
  '/api/models/fraud/decisions?limit=1000000',
  '/api/models/fraud/decisions?limit=1&limit=2',
  '/api/models/fraud/decisions?offset=3',
  '/api/dead-letters?before=3',
])('%s is refused with REQUEST_INVALID', async (url) => {
  expect(await get(url)).toMatchObject({
    status: 400,
    body: { code: 'REQUEST_INVALID', error: expect.stringContaining('The query is wrong') as string },
  });
});

test('an answer that has not changed is told in no bytes', async () => {
  const { headers } = await get('/api/dead-letters');
  const again = await get('/api/dead-letters', { 'if-none-match': headers['etag'] as string });
  expect(again).toMatchObject({ status: 304, text: '' });
  await storeDeadLetters(postgres, []);
  await postgres.query('DELETE FROM millrace.dead_letters WHERE source_offset = 0');
  await eventually(
    'the change',
    5_000,
    async () => (await get('/api/dead-letters', { 'if-none-match': headers['etag'] as string })).status,
    (status) => status === 200,
  );
});

test('the process says that it lives and is ready, and has its metrics', async () => {
  expect((await get('/v1/health/live')).status).toBe(200);
  expect((await get('/v1/health/ready')).status).toBe(200);
  const { text } = await get('/metrics');
  expect(text).toMatch(/millrace_console_read_duration_seconds_count\{[^}]*part="events stored"[^}]*\} \d/);
});
