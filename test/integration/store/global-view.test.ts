import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readOnline } from '../../../src/client/read-online.ts';
import { entity } from '../../../src/define/entity.ts';
import { featureService } from '../../../src/define/feature-service.ts';
import { featureView } from '../../../src/define/feature-view.ts';
import { boolean, number, string, timestamp } from '../../../src/define/field.ts';
import { model } from '../../../src/define/model.ts';
import { project } from '../../../src/define/project.ts';
import { source } from '../../../src/define/source.ts';
import { recomputeRows } from '../../../src/monitoring/skew-audit-rows.ts';
import type { ServedDecision } from '../../../src/monitoring/skew-audit-decisions.ts';
import { compileService, parseInstance } from '../../../src/fold/compile-service.ts';
import { postgresEvents } from '../../../src/store/as-of/postgres-events.ts';
import { readAsOf } from '../../../src/store/as-of/read-as-of.ts';
import { buildTrainingSet } from '../../../src/store/build-training-set.ts';
import { OnlineCatalog } from '../../../src/store/online-catalog.ts';
import { readableQuery } from '../../../src/store/sql/readable-query.ts';
import { readTwin } from '../../../src/store/sql/view-twin.ts';
import { naiveFeatures } from '../../support/naive-features.ts';
import { float32Of } from '../../support/naive/float32.ts';
import {
  cardPayments,
  eventually,
  naiveFeaturesOf,
  openEventPath,
  payments,
  paymentSource,
  replayOf,
  START,
  type EventPath,
} from '../stream/event-path.ts';

const allPayments = featureView({
  name: 'all_payments',
  entity: entity({ name: 'everything', keys: [] }),
  source: paymentSource,
  features: (a) => ({
    count1h: a.count({ window: '1h' }),
    sum24h: a.sum('amount', { window: '24h' }),
    declined: a.count({ window: 'lifetime', where: { declined: true } }),
  }),
  maxAge: '1d',
  onStale: 'null',
});
/** What SQL has a form of. */
const sqlPayments = featureView({
  name: 'all_payments_sql',
  entity: allPayments.entity,
  source: paymentSource,
  features: (a) => ({ count1h: a.count({ window: '1h' }), last24h: a.last('amount', { window: '24h' }) }),
});
const outcome = source({
  name: 'outcome',
  schema: { paymentId: string(), wasFraud: boolean(), foundAt: timestamp() },
  id: 'paymentId',
  eventTime: 'foundAt',
  knownTime: 'carried',
});
const service = featureService({
  name: 'global',
  views: [allPayments, sqlPayments],
  request: { amount: number() },
});
const fraud = model({
  name: 'fraud',
  service,
  examples: { source: paymentSource, id: 'paymentId', decisionTime: { field: 'paidAt' } },
  label: { source: outcome, id: 'paymentId', value: 'wasFraud' },
});

const paid = payments(300);
const events = paid.map(({ payment, knownTime }) => ({
  effectiveTime: Math.min(payment.paidAt, knownTime),
  knownTime,
  row: { ...payment },
}));
const naively = (view: typeof allPayments | typeof sqlPayments, asOf: number) =>
  naiveFeatures(
    view,
    events.filter((event) => event.knownTime <= asOf),
    asOf,
  );
const LAST = paid.at(-1)!.knownTime;
const MOMENTS = [START + 5_000, START + 1_234_567, LAST, LAST + 3_600_000];

describe('a view without key fields', () => {
  let path: EventPath;
  beforeAll(async () => {
    path = await openEventPath(project({ name: 'p', models: [fraud], views: [cardPayments] }));
    await path.ingest();
    await path.fold();
    const labels = paid.map(({ payment, knownTime }, n) => ({
      source: 'outcome',
      id: payment.paymentId,
      payload: { paymentId: payment.paymentId, wasFraud: n % 3 === 0, foundAt: knownTime },
      knownTime,
    }));
    const offsets = await path.replayer.send([...replayOf(paid), ...labels]);
    await path.store.waitVisible(path.programs, offsets, 40_000);
    // What is visible in the online store may not be in the offline log yet.
    await eventually('all stored', async () => {
      const [row] = await path.postgres.query<{ payments: number; outcomes: number }>(
        `SELECT (SELECT count(*)::int FROM log.${paymentSource.name}) AS payments,
                (SELECT count(*)::int FROM log.outcome) AS outcomes`,
      );
      return row?.payments === paid.length && row.outcomes === labels.length;
    });
  });
  afterAll(() => path.close());

  test('is read online without a key, alone and beside one that has some', async () => {
    const { rows } = await readOnline(path.store, { views: [allPayments], entities: [{}], asOf: LAST });
    const expected = Object.entries(naively(allPayments, LAST)).map(([name, value]) => [
      `all_payments.${name}`,
      value,
    ]);
    expect(rows).toEqual([Object.fromEntries(expected)]);
    const both = await readOnline(path.store, {
      views: [allPayments, cardPayments],
      entities: [{ cardId: 'card-3' }, { cardId: null }],
      asOf: LAST,
    });
    const card = naiveFeaturesOf(cardPayments, 'cardId', paid, 'card-3', LAST);
    expect(both.rows[0]).toMatchObject({
      'all_payments.count1h': rows[0]!['all_payments.count1h'],
      'card_payments.count1h': card['count1h'],
    });
    expect(both.rows[1]).toMatchObject({
      'all_payments.count1h': rows[0]!['all_payments.count1h'],
      'card_payments.count1h': 0,
    });
  });

  test('asks a request for no key, and one that is given is a mistake', async () => {
    const program = compileService(service);
    expect(Object.keys(program.requestSchema)).toEqual(['amount']);
    await expect(
      readOnline(path.store, { views: [allPayments], entities: [{ card: 'x' }], asOf: LAST }),
    ).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      message: expect.stringContaining('Its fields are nothing') as string,
    });
  });

  test('is read as of the past, by the fold and by SQL, as the oracle does', async () => {
    const plan = new OnlineCatalog(path.project).plan({ views: ['all_payments', 'all_payments_sql'] });
    const spine = MOMENTS.map((asOf) => ({ row: {}, asOf }));
    const { values } = await readAsOf(postgresEvents(path.postgres), plan, spine, { mode: 'known', dataCut: LAST });
    expect(values).toEqual(
      MOMENTS.map((asOf) => [
        ...Object.values(naively(allPayments, asOf)),
        ...Object.values(naively(sqlPayments, asOf)),
      ]),
    );
    const twin = await readTwin(
      path.postgres,
      sqlPayments,
      MOMENTS.map((asOf) => ({ key: [], asOf })),
      'known',
    );
    expect([...twin]).toEqual(MOMENTS.flatMap((asOf) => Object.values(naively(sqlPayments, asOf))));
    const query = { asOf: LAST, fence: null };
    for (const key of [null, []]) {
      const answer = await path.postgres.queryArrays(readableQuery(sqlPayments, { ...query, key }));
      expect(answer.map((row) => row.slice(1))).toEqual([Object.values(naively(sqlPayments, LAST))]);
    }
  });

  test('is recomputed up to the fences of what was served', async () => {
    const [read] = (
      await readOnline(path.store, {
        views: [sqlPayments],
        entities: [{}],
        asOf: LAST,
        include: { fences: true },
      })
    ).views;
    const program = compileService(featureService({ name: 's', views: [sqlPayments] }));
    const instance = parseInstance(program, {});
    if (!instance.ok) throw new Error(instance.problems.join());
    const decision = {
      asOf: LAST,
      instance: instance.row,
      reads: [
        {
          view: 'all_payments_sql',
          version: 1,
          entityKey: '',
          fence: read?.fences?.[0] ?? {},
          newestKnownTime: LAST,
        },
      ],
    } as unknown as ServedDecision;
    const [{ numbers }] = await recomputeRows(path.postgres, program, [decision]);
    expect([...numbers]).toEqual(
      Object.values(naively(sqlPayments, LAST)).map(float32Of),
    );
  });

  test('is in the rows of a training set', async () => {
    const { trainingSet } = await buildTrainingSet(path, { model: fraud, dataCut: null });
    expect(trainingSet.rows).toBe(paid.length);
    const width = trainingSet.numericNames.length;
    for (const [row, id] of trainingSet.exampleIds.entries()) {
      const { payment } = paid[Number(id.slice(1))]!;
      const asOf = trainingSet.decisionTimes[row]!;
      const values = naively(allPayments, asOf);
      const newest = Math.max(
        ...events.filter((event) => event.knownTime <= asOf).map((event) => event.knownTime),
      );
      const fresh =
        asOf - newest <= 86_400_000 ? Object.values(values) : Object.values(values).map(() => null);
      const expected = [...fresh, ...Object.values(naively(sqlPayments, asOf)), payment.amount];
      expect([...trainingSet.numbers.subarray(row * width, (row + 1) * width)]).toEqual(
        expected.map(float32Of),
      );
    }
  });
});
