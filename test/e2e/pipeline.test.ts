import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectMillrace, type MillraceClient, type SourceBalance } from '../../src/index.ts';
import { createLogger } from '../../src/infra/logger.ts';
import { createPostgres, type Postgres } from '../../src/infra/postgres.ts';
import { processNames, type ProcessName } from '../../workers/process-name.ts';
import { eventually } from '../support/eventually.ts';
import { compareDecisions } from '../support/naive/compare-decisions.ts';
import { drawDecisions } from '../support/naive/stored-decision.ts';
import { countFaults, DAY_MS, parcelWorld, START } from './parcels/events.ts';
import { LiveTraffic } from './parcels/live-traffic.ts';
import { lateParcel } from './parcels/project.ts';
import { startMillrace, tellLogsOnFailure, type StartedMillrace } from './started-millrace.ts';

const MODEL = lateParcel.name;
const WORLD_DAYS = 60;
const HISTORY_DAYS = 8;
const LIVE_STEPS = 30;
const EVERYTHING = 1_000_000;
const TRAINING_LIMIT_MS = 120_000;
const RESTART_LIMIT_MS = 60_000;
/** It takes a second; a test machine can be busy. */
const ROLLBACK_LIMIT_MS = 30_000;

const bySource = (balance: readonly SourceBalance[]): SourceBalance[] =>
  [...balance].sort((a, b) => a.source.localeCompare(b.source));

describe('the whole pipeline on real servers', () => {
  let started: StartedMillrace;
  let millrace: MillraceClient;
  let postgres: Postgres;
  let traffic: LiveTraffic;

  tellLogsOnFailure(() => started);
  beforeAll(async () => {
    started = await startMillrace(fileURLToPath(new URL('./parcels/project.ts', import.meta.url)));
    millrace = await connectMillrace({ ...process.env, ...started.environment });
    postgres = createPostgres({
      url: started.postgresUrl,
      applicationName: 'test',
      logger: createLogger('test', 'silent'),
    });
    traffic = new LiveTraffic(
      parcelWorld(WORLD_DAYS),
      millrace,
      started.servingUrl,
      START + HISTORY_DAYS * DAY_MS,
    );
  });

  let ending: Promise<number | null> | undefined;

  function end(): Promise<number | null> {
    ending ??= (async () => {
      await millrace?.close();
      await postgres?.close();
      return started?.stop();
    })();
    return ending;
  }

  afterAll(end);

  /** Every event that was sent is in the offline log once, dropped as a duplicate, or a dead letter with its code. */
  async function expectBalance(): Promise<void> {
    const faults = countFaults(traffic.sent);
    const balance = await eventually(
      'a balance without missing events',
      RESTART_LIMIT_MS,
      async () => bySource(await millrace.eventBalance()),
      (sources) => sources.every(({ missing }) => missing === 0),
    );
    const sentTo = (source: string): number => traffic.sent.filter((event) => event.source === source).length;
    const expected = {
      deliveries: { duplicates: 0, dead: faults.early },
      orders: { duplicates: faults.duplicates, dead: faults.invalid },
    };
    expect(balance).toEqual(
      (['deliveries', 'orders'] as const).map((source) => {
        const { duplicates, dead } = expected[source];
        const sent = sentTo(source);
        const stored = sent - duplicates - dead;
        return {
          source,
          sent,
          stored,
          duplicates,
          deadLetters: dead,
          rows: stored,
          deadLetterRows: dead,
          missing: 0,
        };
      }),
    );
    const codes = await postgres.query<{ code: string; n: number }>(
      'SELECT code, count(*)::int AS n FROM millrace.dead_letters GROUP BY code ORDER BY code',
    );
    expect(codes).toEqual([
      { code: 'STREAM_EVENT_EARLY', n: faults.early },
      { code: 'STREAM_EVENT_INVALID', n: faults.invalid },
    ]);
  }

  /** All decisions so far, recomputed from the raw rows by the naive oracle. */
  async function expectFeaturesAsServed(): Promise<void> {
    // The decision log is written behind the answer.
    let decisions: Awaited<ReturnType<typeof drawDecisions>> = [];
    await eventually(
      'every answered decision to be stored',
      RESTART_LIMIT_MS,
      async () => {
        decisions = await drawDecisions(postgres, MODEL, { sample: EVERYTHING, seed: '' });
        const stored = new Set(decisions.map(({ id }) => id));
        return traffic.answers.filter(({ decisionId }) => decisionId !== null && !stored.has(decisionId));
      },
      (missing) => missing.length === 0,
    );
    const comparison = await compareDecisions(postgres, lateParcel.service, decisions);
    expect(comparison.mismatches).toEqual([]);
    expect(comparison.numbersPresent).toBeGreaterThan(0.8 * decisions.length * decisions[0]!.numbers.length);
  }

  const championIs = async (version: number): Promise<boolean> =>
    (await millrace.allocation(MODEL))?.champion === version;

  const lifecycleRests = async (): Promise<boolean> =>
    (await millrace.lifecycleState(MODEL))?.phase === 'idle';

  it('stores every event of history once, and names what it refuses', async () => {
    traffic.clock -= 1;
    await traffic.sendDue();
    traffic.clock += 1;
    expect(traffic.sent.length).toBeGreaterThan(5_000);
    await expectBalance();
  });

  it('trains and serves the first version when it is asked to', async () => {
    await millrace.retrain(MODEL, {
      trigger: 'first',
      reason: 'history is there',
      requestedBy: 'test',
      dataCut: null,
    });
    await eventually('the first champion', TRAINING_LIMIT_MS, () => championIs(1), Boolean);
    await eventually(
      'an answer',
      RESTART_LIMIT_MS,
      () => traffic.step().then(() => traffic.answers.at(-1)?.status),
      (s) => s === 200,
    );
    traffic.answers.length = 0;
    for (let i = 0; i < LIVE_STEPS; i++) await traffic.step();
    expect(traffic.failed).toEqual([]);
    expect(new Set(traffic.answers.map(({ version }) => version))).toEqual(new Set([1]));
  });

  it('serves exactly the features that the raw rows give', async () => {
    await expectFeaturesAsServed();
  });

  it('promotes a second version through shadow and canary, and rolls it back within seconds, no prediction failing', async () => {
    await eventually('an idle lifecycle', RESTART_LIMIT_MS, lifecycleRests, Boolean);
    await millrace.retrain(MODEL, {
      trigger: 'manual',
      reason: 'a second version',
      requestedBy: 'test',
      dataCut: null,
    });
    await traffic.stepUntil(async () => (await championIs(2)) && (await lifecycleRests()));
    await traffic.step();
    const served = traffic.answers.map(({ version }) => version);
    expect(served.at(-1)).toBe(2);

    const startedAt = Date.now();
    await millrace.rollback(MODEL, { toVersion: null, requestedBy: 'test', reason: 'try it' });
    await traffic.stepUntil(async () => traffic.answers.at(-1)?.version === 1);
    expect(Date.now() - startedAt).toBeLessThan(ROLLBACK_LIMIT_MS);
    expect(traffic.failed).toEqual([]);
    expect((await millrace.allocation(MODEL))?.champion).toBe(1);
    const actions = (await millrace.ledger(MODEL)).map(
      ({ version, action }) => `${action} ${version ?? '-'}`,
    );
    expect(actions.at(-1)).toMatch(/^roll/);
    await expectFeaturesAsServed();
  });

  it('shares the entities out among both versions in an experiment, each keeping its arm, no prediction failing', async () => {
    const note = { requestedBy: 'test', reason: 'which is better' };
    const arms = [
      { name: 'one', version: 1, share: 0.5 },
      { name: 'two', version: 2, share: 0.5 },
    ];
    await millrace.startExperiment(MODEL, { name: 'both', arms, control: 'one', metric: 'log-loss', ...note });
    const shared = async (): Promise<boolean> => ((await millrace.allocation(MODEL))?.experiment?.ranges.length ?? 0) > 0;
    await traffic.stepUntil(shared);
    const results = () => millrace.experimentResults(MODEL, 'both');
    await traffic.stepUntil(async () => (await results()).arms.every(({ decisions }) => decisions > 0));
    expect(await results()).toMatchObject({ entitiesInSeveralArms: 0, endedAt: null, arms: [{ name: 'one' }, { name: 'two' }] });
    await millrace.endExperiment(MODEL, { experiment: 'both', winner: 'one', ...note });
    await traffic.stepUntil(async () => !(await shared()) && (await lifecycleRests()));
    expect((await millrace.ledger(MODEL)).at(-1)).toMatchObject({ action: 'end-experiment', details: { endedExperiment: 'both', winner: 'one' } });
    expect(traffic.failed).toEqual([]);
  });

  it.each(processNames)(
    'survives kill -9 of the %s process: nothing is lost, nothing counted twice',
    async (name) => {
      await killAndAwait(name);
      await traffic.sendDue();
      await eventually(
        'predictions',
        RESTART_LIMIT_MS,
        async () => {
          const before = traffic.answers.length;
          await traffic.step();
          return traffic.answers.slice(before);
        },
        (answers) => answers.length > 0 && answers.every(({ status }) => status === 200),
      );
      await expectBalance();
      await eventually('the lifecycle', RESTART_LIMIT_MS, lifecycleRests, Boolean);
      await expectFeaturesAsServed();
    },
  );

  /** Kills it while events and questions are on their way. */
  async function killAndAwait(name: ProcessName): Promise<void> {
    const before = await started.process(name);
    expect(before?.pid).toBeTypeOf('number');
    const step = traffic.step();
    process.kill(before?.pid as number, 'SIGKILL');
    await step;
    // What it answered in its last milliseconds may not have left it: the log is written behind the answer.
    if (name === 'serving') traffic.answers.length = 0;
    await eventually(
      `process '${name}' to be started again`,
      RESTART_LIMIT_MS,
      () => started.process(name),
      (now) => now?.status === 'running' && now.pid !== null && now.pid !== before?.pid,
    );
  }

  it('ends in order when it is told to', async () => {
    expect(await end()).toBe(0);
  });
});
