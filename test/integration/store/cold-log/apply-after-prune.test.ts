import { afterAll, beforeAll, expect, test } from 'vitest';
import { entity } from '../../../../src/define/entity.ts';
import { featureView } from '../../../../src/define/feature-view.ts';
import { derivedSource } from '../../../../src/define/derived-source.ts';
import { number, string, timestamp } from '../../../../src/define/field.ts';
import { project, type Project } from '../../../../src/define/project.ts';
import { source } from '../../../../src/define/source.ts';
import { compileView } from '../../../../src/fold/compile-view.ts';
import { applyProject } from '../../../../src/store/apply-project.ts';
import { compareView } from '../../../../src/store/compare-view.ts';
import { estimateBackfill } from '../../../../src/store/estimate-backfill.ts';
import type { LoggedEvent } from '../../../../src/store/offline-log.ts';
import { planProject } from '../../../../src/store/plan-project.ts';
import { sampleKeys } from '../../../../src/store/sample-keys.ts';
import { readViewVersions } from '../../../../src/store/view-versions.ts';
import { coldLogBeside, exportAll, ingest, prune, type ColdStage } from '../../../support/store/cold-stage.ts';
import { card, openEventPath, payments, paymentSource, type EventPath } from '../../stream/event-path.ts';

const DAY_PAYMENTS = 8_640;
const PAYMENTS = 120;

/** Three days, some payments of each; one card is of the first day only. */
const log = [0, 1, 2].flatMap((day) =>
  payments(PAYMENTS, day * DAY_PAYMENTS + 100).map(({ payment, knownTime }, n): LoggedEvent => ({
    sourcePartition: n % 3,
    sourceOffset: day * (PAYMENTS / 3) + Math.floor(n / 3),
    eventTime: payment.paidAt,
    effectiveTime: Math.min(payment.paidAt, knownTime),
    knownTime,
    row: { ...payment, ...(day === 0 && n % 10 === 0 ? { cardId: 'card-old' } : {}) },
  })),
);

/** What came of the project later: a lifetime and windows that reach into pruned days. */
const changed = featureView({
  name: 'card_payments',
  version: 2,
  entity: card,
  source: paymentSource,
  partitions: 2,
  features: (a) => ({
    ever: a.count({ window: 'lifetime' }),
    sum30d: a.sum('amount', { window: '30d' }),
    declined24h: a.count({ window: '24h', where: { declined: true } }),
  }),
});
const distinct = featureView({
  name: 'card_shops',
  entity: card,
  source: paymentSource,
  features: (a) => ({ shops: a.approxDistinct('shopId', { window: 'lifetime' }) }),
});
const ofAll = featureView({
  name: 'all_payments',
  entity: entity({ name: 'everything', keys: [] }),
  source: paymentSource,
  features: (a) => ({ ever: a.count({ window: 'lifetime' }), sum7d: a.sum('amount', { window: '7d' }) }),
});
const added = [changed, distinct, ofAll];

let path: EventPath;
let cold: Omit<ColdStage, 'stage'>;

beforeAll(async () => {
  path = await openEventPath();
  cold = await coldLogBeside(path.postgres);
  await ingest(cold.db, paymentSource, log);
  expect(await exportAll(cold.db, paymentSource)).toHaveLength(2);
  expect(await prune(cold.db, paymentSource)).toBe(2);
});
afterAll(async () => {
  await cold.close();
  await path.close();
});

const apply = (next: Project) =>
  applyProject(next, { ...path, postgres: cold.db, clock: Date.now, registerModel: async () => undefined });

test('an estimate counts the rows that only files have', async () => {
  expect(await estimateBackfill(cold.db, compileView(changed), 1_000)).toMatchObject({
    rows: log.length,
    sampleRows: log.length,
    keysHow: 'counted',
  });
});

test('keys whose rows were all pruned are drawn, and the same ones each time', async () => {
  const program = compileView(changed);
  const all = await sampleKeys(cold.db, program, 1_000);
  expect([...all].sort()).toEqual([...new Set(log.flatMap(({ row }) => (row['cardId'] as string | null) ?? []))].sort());
  expect(await sampleKeys(cold.db, program, 5)).toEqual(all.slice(0, 5));
});

test('new versions whose windows reach into pruned days become current, held against hot and cold rows', async () => {
  await apply(project({ name: 'payments', views: added }));
  const current = (await readViewVersions(cold.db)).filter(({ state }) => state === 'current');
  expect(current.map(({ name, version }) => `${name}/${version}`)).toEqual(
    expect.arrayContaining(['card_payments/2', 'card_shops/1', 'all_payments/1']),
  );
  const deps = { ...path, postgres: cold.db, clock: Date.now };
  for (const view of added) {
    const compared = await compareView(deps, compileView(view), null);
    expect(compared).toMatchObject({ differing: 0, keysLeftOut: 0, by: 'sql' });
    expect(compared.keys).toBe(view === ofAll ? 1 : 24);
  }
  await expect(compareView({ ...deps, postgres: path.postgres }, compileView(changed), null)).rejects.toMatchObject({
    code: 'COLD_LOG_NOT_OPENED',
  });
});

const refund = source({
  name: 'refund',
  schema: { refundId: string(), paymentId: string(), amount: number(), at: timestamp() },
  id: 'refundId',
  eventTime: 'at',
  knownTime: 'carried',
  dedupeWindow: '1m',
  partitions: 1,
});
const problemsOf = async (next: Project): Promise<string[]> =>
  (await planProject(next, { ...path, postgres: cold.db })).problems.map(({ code, message }) => `${code} ${message}`);
const ranges = 'rows known from 2013-01-01T00:16:40.000Z to 2013-01-02T00:36:30.000Z';

test('a new derived source is refused where rows of an input were pruned, and nothing is changed', async () => {
  const of = derivedSource({ name: 'payment_of', from: paymentSource, attach: () => ({}) });
  await expect(apply(project({ name: 'payments', sources: [of] }))).rejects.toMatchObject({
    code: 'PLAN_SOURCE_INCOMPATIBLE',
    message: expect.stringContaining(`Source 'payment_of': it is made of 'payment', of which ${ranges} are in the cold log only`) as string,
  });
  const beside = derivedSource({
    name: 'refund_beside',
    from: refund,
    attach: (a) => ({ paid: a.latest(paymentSource, 'amount', { by: { paymentId: 'paymentId' } }) }),
  });
  expect(await problemsOf(project({ name: 'payments', sources: [beside] }))).toEqual([
    expect.stringContaining(`Source 'refund_beside': it is made of 'payment', of which ${ranges}`),
  ]);
  expect(await cold.db.query("SELECT 1 FROM millrace.definitions WHERE name IN ('payment_of', 'refund', 'refund_beside')")).toEqual([]);
});

test('a derived source that is there is refused while pruned events wait for it, and a field newly attached is too', async () => {
  const plain = project({
    name: 'payments',
    sources: [derivedSource({ name: 'refund_again', from: refund, attach: () => ({}) })],
  });
  const wider = project({
    name: 'payments',
    sources: [
      derivedSource({
        name: 'refund_again',
        from: refund,
        attach: (a) => ({ before: a.latest(refund, 'amount', { by: { paymentId: 'paymentId' } }) }),
      }),
    ],
  });
  await apply(plain);
  const events = Array.from({ length: 6 }, (_, n): LoggedEvent => {
    const at = Date.UTC(2013, 0, 1) + n * 6 * 3_600_000;
    const row = { refundId: `r${n}`, paymentId: 'p1', amount: n, at };
    return { sourcePartition: 0, sourceOffset: n, eventTime: at, effectiveTime: at, knownTime: at, row };
  });
  await ingest(cold.db, refund, events);
  await exportAll(cold.db, refund);
  expect(await problemsOf(wider)).toEqual([]);
  // By a worker whose project has the derived source no more.
  expect(await prune(cold.db, refund)).toBe(1);
  expect(await problemsOf(plain)).toEqual([expect.stringContaining("Source 'refund_again': it is made of 'refund'")]);
  await cold.db.query("UPDATE millrace.derive_positions SET next_offset = 4 WHERE source = 'refund_again'");
  expect(await problemsOf(plain)).toEqual([]);
  expect(await problemsOf(wider)).toHaveLength(1);
});
