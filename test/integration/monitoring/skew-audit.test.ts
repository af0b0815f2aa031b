import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { emptyTally, everyDecision, mergeTallies, type AuditScope, type AuditTally } from '../../../src/contracts/audit.ts';
import { prepareEvent } from '../../../src/fold/compile-view.ts';
import { partitionOf } from '../../../src/fold/partition-of.ts';
import { decodeState, encodeState } from '../../../src/fold/state-codec.ts';
import { applyEvent, createState, type ViewState } from '../../../src/fold/view-state.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import type { Postgres } from '../../../src/infra/postgres.ts';
import { createRedis, type Redis } from '../../../src/infra/redis.ts';
import { createMetrics } from '../../../src/infra/metrics.ts';
import { auditChunk } from '../../../src/monitoring/skew-audit.ts';
import { planAudit } from '../../../src/monitoring/skew-audit-decisions.ts';
import { findCertificate, storeCertificate } from '../../../src/monitoring/skew-certificates.ts';
import { advanceIngestPositions, createIngestPositions } from '../../../src/store/ingest-positions.ts';
import { createLogTableSql } from '../../../src/store/log-table.ts';
import { appendEvents, type LoggedEvent } from '../../../src/store/offline-log.ts';
import { createOnlineStore, type OnlineStore } from '../../../src/store/online-store.ts';
import { encodePosition, startPosition } from '../../../src/store/view-position.ts';
import { startDecisionSink } from '../../../src/stream/decision-sink.ts';
import { createStreamMetrics } from '../../../src/stream/stream-metrics.ts';
import type { RunningConsumer } from '../../../src/infra/kafka.ts';
import type { RunningServing } from '../../../serving/start-serving.ts';
import { coldLogBeside, exportAll, prune } from '../../support/store/cold-stage.ts';
import { createServingStage, WEIGHTS, type ServingStage } from '../../support/serving/serving-stage.ts';
import { delayModel, departures } from '../../support/serving/tiny-project.ts';

const MINUTE_MS = 60_000;
const NOON = Date.UTC(2013, 5, 1, 12);
const logger = createLogger('test', 'silent');

let stage: ServingStage;
let serving: RunningServing;
let sink: RunningConsumer;
let redis: Redis;
let online: OnlineStore;
const log: LoggedEvent[] = [];

/** Appends a departure to the offline log; `known` is when, if later than it happened. */
function departure(origin: string, minutesBeforeNoon: number, delayMinutes: number, knownMinutesBefore = minutesBeforeNoon): LoggedEvent {
  const at = NOON - minutesBeforeNoon * MINUTE_MS;
  const sourceOffset = log.length;
  const row = { flightId: `f${sourceOffset}`, origin, carrier: 'AA', at, delayMinutes };
  const event = {
    sourcePartition: 0,
    sourceOffset,
    eventTime: at,
    effectiveTime: at,
    knownTime: NOON - knownMinutesBefore * MINUTE_MS,
    row,
  };
  log.push(event);
  return event;
}

async function store(events: readonly LoggedEvent[]): Promise<void> {
  const [first] = events;
  if (first === undefined) return;
  await appendEvents(stage.postgres, departures, events);
  const counts = { stored: events.length, duplicates: 0, deadLetters: 0, beyondWindows: 0, newestKnownTime: null };
  const at = { source: departures.name, partition: 0, expectedOffset: first.sourceOffset };
  const moved = await advanceIngestPositions(stage.postgres, [{ ...at, ...counts, nextOffset: log.length }]);
  expect(moved).toHaveLength(1);
}

const program = () => stage.program.views[0] as (typeof stage.program.views)[number];

/** Writes the state that the fold makes of the events, or what `change` makes of it. */
async function fold(origin: string, events: readonly LoggedEvent[], change?: (state: ViewState) => void): Promise<void> {
  const view = program();
  const state = createState(view);
  const inputs = new Float64Array(view.inputCount);
  for (const { row, sourcePartition, sourceOffset, effectiveTime, knownTime } of events) {
    prepareEvent(view, row, inputs, 0);
    applyEvent(view, state, sourcePartition, sourceOffset, effectiveTime, knownTime, inputs, 0);
  }
  change?.(state);
  await write(origin, encodeState(view, state));
}

async function write(origin: string, bytes: Uint8Array): Promise<void> {
  const view = program();
  const partition = partitionOf(origin, view.partitions);
  const expected = await online.readPositionText(view, partition);
  const position = encodePosition({ ...startPosition, viewOffset: Date.now() });
  await online.writePartition(view, partition, { expected, position, states: [{ entityKey: origin, bytes }] });
}

async function predict(origins: readonly string[], asOf = NOON): Promise<string[]> {
  const instances = origins.map((origin, i) => ({ origin, carrier: i % 2 === 0 ? 'UA' : 'AA', distance: 100 + i }));
  const response = await fetch(`${serving.url}/v1/models/delay/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ instances, asOf }),
  });
  const { predictions } = (await response.json()) as { predictions: { decisionId: string }[] };
  const ids = predictions.map(({ decisionId }) => decisionId);
  await vi.waitFor(
    async () => {
      const [row] = await stage.postgres.query<{ n: number }>('SELECT count(*)::int AS n FROM millrace.decisions WHERE id = ANY($1)', [ids]);
      expect(row?.n).toBe(ids.length);
    },
    { timeout: 30_000, interval: 50 },
  );
  return ids;
}

/** All chunks of an audit, each of a few decisions. */
async function audit(scope: Partial<AuditScope>, seed = 'seed', db: Postgres = stage.postgres) {
  const whole = { ...everyDecision, ...scope };
  const plan = await planAudit(stage.postgres, 'delay', whole, seed);
  let tally: AuditTally = emptyTally;
  for (let cursor = null; ; ) {
    const request = { model: delayModel, scope: whole, plan, cursor, chain: tally.chain, decisionsMax: 3 };
    const chunk = await auditChunk(db, request);
    tally = mergeTallies(tally, chunk.tally);
    if (chunk.cursor === null) return { plan, scope: whole, tally };
    cursor = chunk.cursor as never;
  }
}

const settledAt = (revision: number) =>
  vi.waitFor(
    async () => {
      const revisions = (await stage.registry.liveServing('delay')).map((report) => report.revision);
      expect(revisions).toEqual([revision]);
    },
    { timeout: 30_000, interval: 50 },
  );

beforeAll(async () => {
  stage = await createServingStage();
  redis = createRedis({ url: stage.config.redisUrl, role: 'write', logger });
  online = createOnlineStore(redis, stage.names);
  for (const statement of createLogTableSql(departures)) await stage.postgres.query(statement);
  await createIngestPositions(stage.postgres, [{ source: departures.name, partition: 0, nextOffset: 0 }]);
  sink = await startDecisionSink({ ...stage, logger, metrics: createStreamMetrics(createMetrics('test')) });
  const version = await stage.register({ weights: WEIGHTS, bias: 0 });
  serving = await stage.serve();
  await settledAt((await stage.allocate({ champion: version })).revision);
});
afterAll(async () => {
  await sink.stop();
  redis.disconnect();
  await stage.close();
});

describe('the audit of what was served', () => {
  it('finds every value of right reads equal, unknown keys and chunks included', async () => {
    const jfk = [90, 61, 30, 0.1].map((minutes) => departure('JFK', minutes, minutes / 3));
    const lga = [10, 10, 5].map((minutes) => departure('LGA', minutes, -0.1));
    await store([...jfk, ...lga]);
    await fold('JFK', jfk);
    await fold('LGA', lga);
    await predict(['JFK', 'LGA', 'never seen', 'JFK', 'LGA', 'JFK', 'JFK']);
    const { tally } = await audit({});
    expect(tally).toMatchObject({ decisions: 7, values: 28, mismatched: 0, stale: 0, skipped: 0, pending: 0, mismatches: [] });
    expect(tally).toMatchObject({ from: NOON, to: NOON });
  });

  it('draws the same sample for the same seed, and each of its decisions once', async () => {
    const [first, again] = [await audit({ sample: 4 }), await audit({ sample: 4 })];
    expect(first.tally).toMatchObject({ decisions: 4, values: 16, mismatched: 0 });
    expect(again.tally.chain).toBe(first.tally.chain);
    const others = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((seed) => audit({ sample: 4 }, seed)));
    expect(others.map(({ tally }) => tally.decisions)).toEqual([4, 4, 4, 4, 4, 4]);
    expect(new Set(others.map(({ tally }) => tally.chain)).size).toBeGreaterThan(1);
    expect((await audit({ from: NOON + 1 })).tally.decisions).toBe(0);
    expect((await audit({ to: NOON + 1, version: 1, variant: 'champion' })).tally.decisions).toBe(7);
    expect((await audit({ variant: 'canary' })).tally.decisions).toBe(0);
  });

  it('names a tile that was corrupted in Redis before it was served, with its feature, key, window and events', async () => {
    const events = [50, 40, 20].map((minutes) => departure('EWR', minutes, 7));
    await store(events);
    await fold('EWR', events);
    const [bytes] = await online.readStates([{ program: program(), entityKey: 'EWR' }]);
    const state = decodeState(program(), bytes as Uint8Array);
    const run = state.runs[0] as ViewState['runs'][number];
    const sumOfTile = run.first * run.stride + 1 + (program().resolutions[0]?.columns.find(({ intermediate }) => intermediate.name === 'valueSum')?.offset ?? 0);
    expect(run.values[sumOfTile]).toBe(7);
    run.values[sumOfTile] = 8;
    await write('EWR', encodeState(program(), state));
    const later = NOON + MINUTE_MS;
    const [decision] = await predict(['EWR'], later);
    const { tally } = await audit({ from: later });
    expect(tally).toMatchObject({ decisions: 1, values: 4, mismatched: 1, mismatchedFeatures: { 'origin_departures.delay1h': 1 }, stale: 0 });
    expect(tally.mismatches).toEqual([
      {
        decision,
        version: 1,
        asOf: later,
        feature: 'origin_departures.delay1h',
        view: 'origin_departures',
        entityKey: 'EWR',
        window: '1h',
        served: 22,
        recomputed: 21,
        beyondGrace: false,
        events: { count: 3, newest: events.toReversed().map(({ sourceOffset }) => [0, sourceOffset]) },
      },
    ]);
  });

  it('calls what was known and not folded yet stale, and what was folded early, not wrong', async () => {
    const folded = [departure('BOS', 30, 5), departure('BOS', 20, 5)];
    const late = departure('BOS', 25, 11, 2);
    const early = departure('DCA', 1, 3, -1);
    await store([...folded, late, early]);
    await fold('BOS', folded);
    await fold('DCA', [early]);
    const at = NOON + 30_000;
    await predict(['BOS', 'DCA'], at);
    const { tally } = await audit({ from: at, to: at + 1 });
    expect(tally).toMatchObject({
      decisions: 2,
      mismatched: 0,
      stale: 4,
      staleAhead: 2,
      staleDecisions: 2,
      staleFeatures: { 'origin_departures.departed1h': 2, 'origin_departures.delay1h': 2 },
    });
  });

  it('says where a read lay so far before the newest event that its tiles were dropped', async () => {
    const events = [departure('MIA', 300, 5), departure('MIA', 90, 5)];
    await store(events);
    await fold('MIA', events);
    const back = NOON - 280 * MINUTE_MS;
    // Such a read is refused now: only a decision of before can be one.
    const [decision = ''] = await predict(['MIA']);
    await stage.postgres.query('UPDATE millrace.decisions SET as_of = to_timestamp($2::float8 / 1000) WHERE id = $1', [decision, back]);
    const { tally } = await audit({ to: back + 1 });
    expect(tally.mismatches.map(({ feature, served, recomputed, beyondGrace }) => [feature, served, recomputed, beyondGrace])).toEqual([
      ['origin_departures.departed1h', 0, 1, true],
      ['origin_departures.delay1h', null, 5, true],
    ]);
  });

  it('leaves out what other definitions made, and what the offline log does not have yet', async () => {
    const ahead = departure('SEA', 3, 1);
    await fold('SEA', [ahead]);
    const at = NOON + 2 * MINUTE_MS;
    await predict(['SEA', 'never seen'], at);
    expect((await audit({ from: at })).tally).toMatchObject({ decisions: 1, pending: 1, mismatched: 0 });
    await store([ahead]);
    expect((await audit({ from: at })).tally).toMatchObject({ decisions: 2, pending: 0, mismatched: 0 });
    await stage.postgres.query(`UPDATE millrace.decisions SET version = 99 WHERE as_of = $1 AND body->'instance'->>'origin' = 'SEA'`, [new Date(at)]);
    expect((await audit({ from: at })).tally).toMatchObject({ decisions: 1, skipped: 1 });
  });
});

describe('the certificate of an audit', () => {
  it('is stored once with a ledger entry, and the next audit goes on behind it', async () => {
    const { plan, scope, tally } = await audit({ sample: 100, sinceLast: true });
    const run = { runKey: 'run-1', model: 'delay', scope, plan, tally, actor: 'workflow', requestedBy: 'tester' };
    const stored = await storeCertificate(stage.postgres, run);
    expect(await storeCertificate(stage.postgres, run)).toEqual(stored);
    expect(await findCertificate(stage.postgres, 'run-1')).toEqual(stored);
    const { chain, ...found } = tally;
    expect(stored).toMatchObject({ model: 'delay', scope: { version: null, variant: null, sample: 100 }, tally: found });
    expect(stored.digest).toMatch(/^[0-9a-f]{64}$/);
    const entries = (await stage.registry.ledger('delay')).filter(({ action }) => action === 'audit');
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({
      actor: 'workflow',
      reason: expect.stringContaining(`Audit asked for by tester: ${tally.decisions} decisions`),
      details: { certificate: stored.id, digest: stored.digest, verdict: 'mismatched', mismatched: 3 },
    });
    expect(chain).toMatch(/^[0-9a-f]{64}$/);
    expect((await audit({ sample: 100, sinceLast: true })).tally.decisions).toBe(0);
    await predict(['JFK'], NOON);
    expect((await audit({ sample: 100, sinceLast: true })).tally).toMatchObject({ decisions: 1, mismatched: 0 });
  });
});

describe('the audit of days that were pruned', () => {
  it('finds to the bit what it found before, mismatches and their events too, and refuses where it can not see them', async () => {
    const before = await audit({});
    expect(before.tally).toMatchObject({ mismatched: 3 });
    await stage.postgres.query('UPDATE millrace.ingest_positions SET newest_known_time = $1', [new Date(NOON + 5 * 86_400_000)]);
    const cold = await coldLogBeside(stage.postgres);
    try {
      expect(await exportAll(cold.db, departures)).toHaveLength(1);
      expect(await prune(cold.db, departures)).toBe(1);
      const [left] = await stage.postgres.query<{ rows: number }>(`SELECT count(*)::int AS rows FROM log.${departures.name}`);
      expect(left?.rows).toBe(0);
      expect(await audit({}, 'seed', cold.db)).toEqual(before);
      await expect(audit({})).rejects.toMatchObject({ code: 'COLD_LOG_NOT_OPENED' });
    } finally {
      await cold.close();
    }
  });
});
