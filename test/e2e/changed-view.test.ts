import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuditResult } from '../../src/contracts/audit.ts';
import type { BackfillResult } from '../../src/contracts/backfill.ts';
import { connectMillrace, type MillraceClient } from '../../src/index.ts';
import { createLogger } from '../../src/infra/logger.ts';
import { createPostgres, type Postgres } from '../../src/infra/postgres.ts';
import type { ViewVersion, ViewVersionChange } from '../../src/store/view-versions.ts';
import { eventually } from '../support/eventually.ts';
import { DAY_MS, parcelWorld, START } from './parcels/events.ts';
import { LiveTraffic, type Answer } from './parcels/live-traffic.ts';
import { lateParcel } from './parcels/project.ts';
import { runCli } from './run-cli.ts';
import { startMillrace, tellLogsOnFailure, type StartedMillrace } from './started-millrace.ts';

const MODEL = lateParcel.name;
const VIEW = 'courier_deliveries';
const WORLD_DAYS = 90;
const HISTORY_DAYS = 8;
const LIVE_STEPS = 15;
const LIMIT_MS = 120_000;
const ASK_PAUSE_MS = 25;
/** Rows a second: slow enough that a backfill is seen at work. */
const RATE = 600;

const fileOf = (name: string): string => fileURLToPath(new URL(`./parcels/${name}.ts`, import.meta.url));
const before = fileOf('project');
const changed = fileOf('changed-project');

interface PlanDocument {
  readonly steps: readonly { readonly action: string; readonly kind: string; readonly name: string; readonly detail: string }[];
  readonly problems: readonly unknown[];
  readonly modelsTouched: readonly string[];
  readonly backfills: readonly { readonly view: string; readonly version: number; readonly rows: number; readonly keys: number; readonly stateBytes: number; readonly minutes: number }[];
  readonly kept: readonly { readonly view: string; readonly version: number; readonly why: string }[];
  readonly filled: readonly BackfillResult[];
}

interface ViewsDocument {
  readonly versions: readonly ViewVersion[];
  /** Newest first. */
  readonly changes: readonly ViewVersionChange[];
}

describe('a changed view during live traffic', () => {
  let started: StartedMillrace;
  let millrace: MillraceClient;
  let postgres: Postgres;
  let traffic: LiveTraffic;

  tellLogsOnFailure(() => started);
  beforeAll(async () => {
    started = await startMillrace(before);
    millrace = await connectMillrace({ ...process.env, ...started.environment });
    postgres = createPostgres({ url: started.postgresUrl, applicationName: 'test', logger: createLogger('test', 'silent') });
    traffic = new LiveTraffic(parcelWorld(WORLD_DAYS), millrace, started.servingUrl, START + HISTORY_DAYS * DAY_MS);
  });

  /** Answers to questions that never pause: also while consumers are started anew with other views. */
  const asked: Answer[] = [];
  let asking = false;
  let asker: Promise<void> | undefined;

  async function askOnAndOn(): Promise<void> {
    asking = true;
    for (let n = 0; asking; n++) {
      const order = {
        orderId: `asked${n}`,
        placedAt: traffic.clock,
        courier: `courier-${n % 9}`,
        district: n % 7 === 0 ? null : 'north',
        amount: n % 80,
        express: n % 3 === 0,
      };
      asked.push(await traffic.ask(order));
      await sleep(ASK_PAUSE_MS);
    }
  }

  async function stopAsking(): Promise<void> {
    asking = false;
    await asker;
  }

  afterAll(async () => {
    await stopAsking();
    await millrace?.close();
    await postgres?.close();
    await started?.stop();
  });

  const championIs = async (version: number): Promise<boolean> => (await millrace.allocation(MODEL))?.champion === version;
  const rests = async (): Promise<boolean> => (await millrace.lifecycleState(MODEL))?.phase === 'idle';
  const statesOf = async (): Promise<Record<number, string>> => {
    const document = await runCli<ViewsDocument>(started, changed, 'views');
    return Object.fromEntries(document.versions.filter(({ name }) => name === VIEW).map(({ version, state }) => [version, state]));
  };
  /** Versions of the view that decisions of each model version read. */
  const readVersions = async (): Promise<Record<number, number[]>> => {
    const rows = await postgres.query<{ version: number; read: number[] }>(
      `SELECT d.version, array_agg(DISTINCT (r->>'version')::int) AS read
       FROM millrace.decisions d, jsonb_array_elements(d.body->'reads') AS r WHERE r->>'view' = $1 GROUP BY d.version`,
      [VIEW],
    );
    return Object.fromEntries(rows.map(({ version, read }) => [version, read]));
  };

  async function trainAndPromote(version: number): Promise<void> {
    await eventually('an idle lifecycle', LIMIT_MS, rests, Boolean);
    await millrace.retrain(MODEL, { trigger: 'manual', reason: `version ${version}`, requestedBy: 'test', dataCut: null });
    await traffic.stepUntil(async () => (await championIs(version)) && (await rests()));
  }

  async function expectCleanAudit(): Promise<void> {
    await stopAsking();
    expect(asked.filter(({ status }) => status !== 200)).toEqual([]);
    const answered = traffic.answers.length + asked.length;
    // The decision log is written behind the answer.
    await eventually(
      'every answered decision to be stored',
      LIMIT_MS,
      async () => (await postgres.query<{ n: number }>('SELECT count(*)::int AS n FROM millrace.decisions'))[0]?.n ?? 0,
      (stored) => stored >= answered,
    );
    const document = await runCli<AuditResult>(started, changed, 'audit', MODEL, '--wait');
    expect(document.tally).toMatchObject({ mismatched: 0, skipped: 0, pending: 0, mismatches: [] });
    expect(document.tally.decisions).toBe(answered);
    asker = askOnAndOn();
  }

  it('serves a first version over history', async () => {
    await traffic.sendDue();
    await millrace.retrain(MODEL, { trigger: 'first', reason: 'history is there', requestedBy: 'test', dataCut: null });
    await eventually('the first champion', LIMIT_MS, () => championIs(1), Boolean);
    await eventually('an answer', LIMIT_MS, () => traffic.step().then(() => traffic.answers.at(-1)?.status), (s) => s === 200);
    traffic.answers.splice(0, traffic.answers.length, ...traffic.answers.filter(({ status }) => status === 200));
    for (let i = 0; i < LIVE_STEPS; i++) await traffic.step();
    expect(traffic.failed).toEqual([]);
    asker = askOnAndOn();
  });

  it('plans what the change takes, and changes nothing', async () => {
    const document = await runCli<PlanDocument>(started, changed, 'plan');
    expect(document.problems).toEqual([]);
    expect(document.modelsTouched).toEqual([MODEL]);
    expect(document.steps).toContainEqual({
      action: 'recompute',
      kind: 'featureView',
      name: VIEW,
      detail: 'version 2 from the offline log, beside version 1',
    });
    const [{ n: rows } = { n: 0 }] = await postgres.query<{ n: number }>('SELECT count(*)::int AS n FROM log.deliveries');
    expect(document.backfills).toMatchObject([{ view: VIEW, version: 2, rows, keys: 9 }]);
    expect(document.backfills[0]?.stateBytes).toBeGreaterThan(0);
    expect(await statesOf()).toEqual({ 1: 'current' });
  });

  it('fills version 2 beside version 1 while predictions flow, compares it and makes it current', async () => {
    const applied = runCli<PlanDocument>(started, changed, 'apply', '--wait', '--rate', String(RATE));
    let done = false;
    const end = (): void => void (done = true);
    applied.then(end, end);
    await traffic.stepUntil(() => done);
    const document = await applied;
    expect(document.filled).toMatchObject([{ view: VIEW, version: 2, replaced: 1 }]);
    expect(document.filled[0]?.compared?.values).toBeGreaterThan(100);
    expect(document.filled[0]?.compared?.valuesWithCurrent).toBeGreaterThan(0);
    const views = await runCli<ViewsDocument>(started, changed, 'views');
    expect(
      views.changes.filter(({ name }) => name === VIEW).map(({ version, toState }) => `${version} ${toState}`),
    ).toEqual([
      '2 current',
      '1 retiring',
      '2 comparing',
      '2 backfilling',
      '2 building',
      '1 current',
      '1 building',
    ]);
    expect(await statesOf()).toEqual({ 1: 'retiring', 2: 'current' });
    expect(traffic.failed).toEqual([]);
    await traffic.step();
    expect(traffic.answers.at(-1)?.version).toBe(1);
  });

  it('trains on version 2, promotes it through shadow and canary, and rolls back to version 1 and its states', async () => {
    await trainAndPromote(2);
    await traffic.step();
    expect(traffic.answers.at(-1)?.version).toBe(2);
    await millrace.rollback(MODEL, { toVersion: null, requestedBy: 'test', reason: 'try it' });
    await traffic.stepUntil(async () => traffic.answers.at(-1)?.version === 1);
    expect(traffic.failed).toEqual([]);
    await expectCleanAudit();
    expect(await readVersions()).toEqual({ 1: [1], 2: [2] });
  });

  it('keeps version 1 while a rollback needs it, and takes it away once nothing does', async () => {
    const kept = await runCli<PlanDocument>(started, changed, 'plan', '--keep', '0s');
    expect(kept.kept).toEqual([
      { view: VIEW, version: 1, why: expect.stringContaining(`${MODEL} version 1 (champion)`) as string },
    ]);
    await millrace.retrain(MODEL, { trigger: 'manual', reason: 'version 3', requestedBy: 'test', dataCut: null });
    await traffic.stepUntil(async () => (await championIs(3)) && (await rests()));
    // Version 1 is still the one that a rollback goes to.
    const pinned = await runCli<PlanDocument>(started, changed, 'plan', '--keep', '0s');
    expect(pinned.kept).toMatchObject([{ why: expect.stringContaining(`${MODEL} version 1 (rollback)`) as string }]);
    await trainAndPromote(4);
    const document = await runCli<PlanDocument>(started, changed, 'apply', '--keep', '0s');
    expect(document.steps).toMatchObject([{ action: 'remove', name: VIEW }]);
    expect(await statesOf()).toEqual({ 1: 'gone', 2: 'current' });
    for (let i = 0; i < LIVE_STEPS; i++) await traffic.step();
    expect(traffic.failed).toEqual([]);
    await expectCleanAudit();
    expect((await runCli<PlanDocument>(started, changed, 'plan')).steps).toEqual([]);
    expect((await millrace.ledger(MODEL)).length).toBeGreaterThan(0);
  });
});
