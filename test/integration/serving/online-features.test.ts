import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServingStage, type ServingStage } from '../../support/serving/serving-stage.ts';
import { connectOnlineStore, foldOnline } from '../../../src/index.ts';
import { carrierDepartures, contractProject } from '../../support/serving/contract-project.ts';
import type { RunningServing } from '../../../serving/start-serving.ts';

const HOUR_MS = 3_600_000;
const asOf = Date.UTC(2013, 5, 1, 12);

interface Answer {
  rows: (number | string | null)[][];
  views: { stale: number[]; ageMs?: (number | null)[]; fences?: unknown[] }[];
  error: string;
  code: string;
}

let stage: ServingStage;
let serving: RunningServing;
beforeAll(async () => {
  stage = await createServingStage();
  await stage.fold('JFK', [
    { at: asOf - 2 * HOUR_MS, delayMinutes: 100 },
    { at: asOf - HOUR_MS / 2, delayMinutes: 10 },
    { at: asOf - HOUR_MS / 4, delayMinutes: 30 },
  ]);
  await stage.fold('EWR', [{ at: asOf - HOUR_MS / 2, delayMinutes: -2.5 }]);
  serving = await stage.serve();
});
afterAll(() => stage.close());

const post = async (body: unknown, headers: Record<string, string> = {}, to = serving) => {
  const response = await fetch(`${to.url}/v1/features/online`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Answer };
};

describe('POST /v1/features/online', () => {
  it('answers many entities from Redis as of the moment asked for, before any model was promoted', async () => {
    const entities = [{ origin: 'JFK' }, { origin: 'EWR' }, { origin: 'never seen' }, {}];
    expect(
      await post({
        views: ['origin_departures'],
        entities,
        asOf: new Date(asOf).toISOString(),
        include: { fences: true },
      }),
    ).toEqual({
      status: 200,
      body: {
        asOf,
        names: ['origin_departures.departed1h', 'origin_departures.delay1h'],
        rows: [
          [2, 40],
          [1, -2.5],
          [0, null],
          [0, null],
        ],
        views: [
          {
            view: 'origin_departures',
            version: 1,
            stale: [],
            ageMs: [HOUR_MS / 4, HOUR_MS / 2, null, null],
            fences: [{ 0: 2 }, { 0: 0 }, null, null],
          },
        ],
      },
    });
  });

  it('answers chosen features, and the row of a service with its request fields', async () => {
    const chosen = await post({
      features: ['origin_departures.delay1h'],
      entities: [{ origin: 'JFK' }],
      asOf,
      include: { ages: false },
    });
    expect(chosen.body).toMatchObject({ rows: [[40]], views: [{ stale: [] }] });
    expect(chosen.body.views[0]).not.toHaveProperty('ageMs');
    const row = await post({
      service: 'delay_service',
      entities: [{ origin: 'JFK', distance: 0.1, carrier: 'UA' }],
      asOf,
    });
    expect(row.body.rows).toEqual([[2, 40, Math.fround(0.1), 'UA']]);
  });

  it.each<[string, object, Record<string, string>, number, string, RegExp]>([
    [
      'both selections and a wrong time, together',
      { views: [], service: 's', entities: [], asOf: 'noon' },
      {},
      400,
      'REQUEST_INVALID',
      /asOf/,
    ],
    ['no selection', { entities: [{}] }, {}, 400, 'REQUEST_INVALID', /exactly one of/],
    [
      'a misspelt option and a wrong deadline',
      { views: ['origin_departures'], entities: [{}], asof: 1 },
      { 'x-request-timeout': 'soon' },
      400,
      'REQUEST_INVALID',
      /asof.*X-Request-Timeout/,
    ],
    [
      'a misspelt key',
      { views: ['origin_departures'], entities: [{ orgin: 'JFK' }] },
      {},
      400,
      'REQUEST_INVALID',
      /entities\[0\]: field 'orgin'/,
    ],
    [
      'an unknown view',
      { views: ['nothing'], entities: [{}] },
      {},
      404,
      'FEATURE_NOT_FOUND',
      /'nothing': not in the project. It has: origin_departures/,
    ],
    [
      'too many entities',
      { views: ['origin_departures'], entities: Array.from({ length: 1_001 }, () => ({})) },
      {},
      400,
      'REQUEST_INVALID',
      /1 to 1000 entities, found 1001/,
    ],
    [
      'a moment that a state has gone on from',
      { views: ['origin_departures'], entities: [{ origin: 'EWR' }, { origin: 'JFK' }], asOf: asOf - 1.25 * HOUR_MS - 1 },
      {},
      422,
      'FEATURE_AS_OF_TOO_EARLY',
      /read as of 2013-06-01T10:45:00.000Z or later for 'JFK'\. Read that moment from the offline log/,
    ],
    [
      'an impossible deadline',
      { views: ['origin_departures'], entities: [{ origin: 'JFK' }] },
      { 'x-request-timeout': '0.001' },
      504,
      'SERVING_DEADLINE_EXCEEDED',
      /deadline/,
    ],
  ])('refuses %s', async (_what, body, headers, status, code, message) => {
    const answer = await post(body, headers);
    expect(answer).toMatchObject({ status, body: { code } });
    expect(answer.body.error).toMatch(message);
  });

  it('counts what it did', async () => {
    const metrics = await (await fetch(`${serving.url}/metrics`)).text();
    expect(metrics).toMatch(
      /millrace_online_read_duration_seconds_count\{[^}]*by="service",service="delay_service"[^}]*\} 1/,
    );
    expect(metrics).toMatch(/millrace_online_read_failures_total\{[^}]*code="FEATURE_NOT_FOUND"[^}]*\} 1/);
    expect(metrics).toMatch(/millrace_online_read_keys_count\{process="serving"\} 3/);
  });
});

describe('a contract on ages', () => {
  const carrierEvent = (carrier: string, at: number) => ({
    payload: { flightId: `${carrier}${at}`, origin: 'JFK', carrier, at, delayMinutes: 8 },
    knownTime: at,
  });

  it.each([
    [
      'null',
      200,
      {
        rows: [
          [8, 1],
          [null, null],
        ],
        views: [{ stale: [1] }],
      },
    ],
    [
      'serve',
      200,
      {
        rows: [
          [8, 1],
          [null, 0],
        ],
        views: [{ stale: [1] }],
      },
    ],
    ['refuse', 503, { code: 'FEATURE_STALE', error: expect.stringContaining('for entities 1.') as string }],
  ] as const)('%s answers a state from Redis that is too old', async (onStale, status, body) => {
    const contract = { maxAge: '30m', onStale, freshnessObjective: 0.99 } as const;
    const store = await connectOnlineStore({
      MILLRACE_REDIS_URL: stage.config.redisUrl,
      MILLRACE_NAMESPACE: `${stage.config.namespace}-${onStale}`,
    });
    await foldOnline(store, carrierDepartures(contract), [
      carrierEvent('UA', asOf - HOUR_MS / 4),
      carrierEvent('AA', asOf - 2 * HOUR_MS),
    ]);
    await store.close();
    const own = await stage.serve(
      { MILLRACE_SERVING_PROCESS: onStale },
      { namespace: `${stage.config.namespace}-${onStale}` },
      contractProject(contract),
    );
    const answer = await post(
      { views: ['carrier_departures'], entities: [{ carrier: 'UA' }, { carrier: 'AA' }], asOf },
      {},
      own,
    );
    expect(answer).toMatchObject({ status, body });
    const metrics = await (await fetch(`${own.url}/metrics`)).text();
    const valueOf = (name: string, labels = ''): number =>
      Number(new RegExp(`^${name}\\{${labels}[^}]*view="carrier_departures"[^}]*\\} (\\S+)$`, 'm').exec(metrics)?.[1]);
    const outcome = { serve: 'served', null: 'null', refuse: 'refused' }[onStale];
    expect(metrics).toMatch(/millrace_feature_reads_by_freshness_total\{view="carrier_departures",freshness="fresh",[^}]*\} 1\n/);
    expect(metrics).toMatch(new RegExp(`view="carrier_departures",freshness="stale_${outcome}",[^}]*\\} 1\\n`));
    expect(metrics.match(/^millrace_feature_reads_by_freshness_total/gm)).toHaveLength(2);
    expect([valueOf('millrace_feature_reads_total'), valueOf('millrace_feature_stale_reads_total')]).toEqual([2, 1]);
    expect(valueOf('millrace_feature_freshness_objective')).toBe(0.99);
    const ages = ['300', '900', '3600', '7200', '\\+Inf'].map((le) => valueOf('millrace_feature_age_seconds_bucket', `le="${le}",`));
    expect(ages).toEqual([0, 1, 1, 2, 2]);
    expect([valueOf('millrace_feature_age_seconds_sum'), valueOf('millrace_feature_age_seconds_count')]).toEqual([2.25 * 3_600, 2]);
    const lag = valueOf('millrace_feature_freshness_lag_seconds') - (Date.now() - (asOf - HOUR_MS / 4)) / 1_000;
    expect(Math.abs(lag)).toBeLessThan(60);
  });
});
