import { status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FEATURE_STORE_SERVICE, type WireOnlineResponse, type WireValue } from '../../../src/contracts/feature-store.ts';
import { connectOnlineStore, foldOnline } from '../../../src/index.ts';
import { featureStoreProto } from '../../../src/infra/load-proto.ts';
import type { RunningServing } from '../../../serving/start-serving.ts';
import { carrierDepartures, contractProject } from '../../support/serving/contract-project.ts';
import { createGrpcCaller, type GrpcOutcome } from '../../support/serving/grpc-caller.ts';
import { createServingStage, type ServingStage } from '../../support/serving/serving-stage.ts';
import { originDepartures } from '../../support/serving/tiny-project.ts';

const HOUR_MS = 3_600_000;
const asOf = Date.UTC(2013, 5, 1, 12);
const contract = { maxAge: '30m', onStale: 'null' } as const;
const BODY_BYTES_MAX = 20_000;

let stage: ServingStage;
let serving: RunningServing;
let caller: ReturnType<typeof createGrpcCaller>;
beforeAll(async () => {
  stage = await createServingStage();
  const { redisUrl, namespace } = stage.config;
  const store = await connectOnlineStore({ MILLRACE_REDIS_URL: redisUrl, MILLRACE_NAMESPACE: namespace });
  const event = (origin: string, carrier: string, at: number, delayMinutes: number) => ({
    payload: { flightId: `${origin}${carrier}${at}`, origin, carrier, at, delayMinutes },
    knownTime: at,
  });
  const events = [
    event('EWR', 'AA', asOf - 2 * HOUR_MS, 0.1),
    event('JFK', 'UA', asOf - HOUR_MS / 4, 8),
    event('JFK', 'UA', asOf - HOUR_MS / 8, -0.5),
  ];
  await foldOnline(store, originDepartures, events);
  await foldOnline(store, carrierDepartures(contract), events);
  await store.close();
  const settings = { MILLRACE_SERVING_BODY_BYTES_MAX: String(BODY_BYTES_MAX) };
  serving = await stage.serve(settings, {}, contractProject(contract));
  caller = createGrpcCaller(serving.grpcAddress, featureStoreProto, FEATURE_STORE_SERVICE);
});
afterAll(async () => {
  caller.close();
  await stage.close();
});

interface Asked {
  readonly selection: { readonly service: string } | { readonly views: string[] } | { readonly features: string[] };
  readonly entities: Record<string, string | number | boolean | null>[];
  readonly asOf: number;
  readonly include: { readonly ages?: boolean; readonly fences?: boolean };
}

async function byHttp({ selection, ...rest }: Asked) {
  const response = await fetch(`${serving.url}/v1/features/online`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...selection, ...rest }),
  });
  return { status: response.status, body: (await response.json()) as { error?: string; code?: string } };
}

const wireValue = (value: string | number | boolean | null): WireValue => {
  if (typeof value === 'number') return { number: value };
  if (typeof value === 'string') return { text: value };
  return value === null ? {} : { boolean: value };
};

const byGrpc = ({ selection, entities, asOf: asOfMs, include }: Asked, deadlineMs?: number): Promise<GrpcOutcome> =>
  caller.call(
    'GetOnlineFeatures',
    {
      ...Object.fromEntries(Object.entries(selection).map(([k, v]: [string, string | string[]]) => [k, typeof v === 'string' ? v : { names: v }])),
      entities: entities.map((entity) => ({ fields: Object.fromEntries(Object.entries(entity).map(([k, v]) => [k, wireValue(v)])) })),
      asOfMs,
      ...(include.ages === undefined ? {} : { includeAges: include.ages }),
      ...(include.fences === undefined ? {} : { includeFences: include.fences }),
    },
    deadlineMs,
  );

/** The answer by gRPC in the form of the one by HTTP. */
function asHttp({ asOfMs, names, rows, views }: WireOnlineResponse, { include }: Asked) {
  return {
    asOf: asOfMs,
    names,
    rows: rows.map(({ numbers, texts }) => [
      ...numbers.map((value) => (Number.isNaN(value) ? null : value)),
      ...texts.map(({ value }) => value ?? null),
    ]),
    views: views.map(({ view, version, stale, ageMs, fences }) => ({
      view,
      version,
      stale,
      ...(include.ages === false ? {} : { ageMs: ageMs.map((age) => (age === -1 ? null : age)) }),
      ...(include.fences === true ? { fences: fences.map(({ hasState, offsets }) => (hasState ? offsets : null)) } : {}),
    })),
  };
}

const statusOfHttp: Record<number, status> = { 400: status.INVALID_ARGUMENT, 404: status.NOT_FOUND, 422: status.OUT_OF_RANGE };
const value = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom<(string | null)[]>('JFK', 'EWR', 'UA', 'AA', 'never seen', null) },
  { weight: 1, arbitrary: fc.oneof(fc.boolean(), fc.double({ noNaN: true, noDefaultInfinity: true })) },
);
const entity = fc.record({ origin: value, carrier: value, distance: fc.constantFrom(0.1, 7, -0, 1e31), orgin: value }, { requiredKeys: [] });
const names = ['origin_departures.departed1h', 'carrier_departures.mean1h', 'origin_departures.delay1h'];
const asked: fc.Arbitrary<Asked> = fc.record({
  selection: fc.oneof(
    fc.constant({ service: 'both' }),
    fc.shuffledSubarray(['carrier_departures', 'origin_departures'], { minLength: 1 }).map((views) => ({ views })),
    fc.shuffledSubarray(names, { minLength: 1 }).map((features) => ({ features })),
    fc.shuffledSubarray([...names, 'none.such'], { minLength: 2 }).map((features) => ({ features })),
  ),
  entities: fc.array(
    // Mostly the two that every selection takes, so that most requests are right.
    fc.oneof({ weight: 20, arbitrary: fc.record({ origin: value, carrier: value, distance: fc.constantFrom(0.1, -0) }) }, { weight: 1, arbitrary: entity }),
    { minLength: 1, maxLength: 4 },
  ),
  asOf: fc.constantFrom(asOf, asOf + 1, asOf + HOUR_MS, asOf - HOUR_MS / 4, asOf - 2 * HOUR_MS, asOf - 3 * HOUR_MS),
  include: fc.record({ ages: fc.boolean(), fences: fc.boolean() }, { requiredKeys: [] }),
});
/** Fields that the selection does not take are left out of three requests in four: those would all be refused. */
const fitting = fc.tuple(asked, fc.nat(3)).map(([request, leave]): Asked => {
  if (leave === 0 || 'service' in request.selection) return request;
  const list = 'views' in request.selection ? request.selection.views : request.selection.features;
  const keys = new Set<string>(list.map((name) => (name.startsWith('origin') ? 'origin' : 'carrier')));
  const entities = request.entities.map((one) => Object.fromEntries(Object.entries(one).filter(([name]) => keys.has(name))));
  return { ...request, entities };
});

describe('millrace.v1.FeatureStore', () => {
  it('answers what HTTP answers, and refuses what it refuses, with the same words', async () => {
    const outcomes = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(fitting, async (request) => {
        const [http, grpc] = await Promise.all([byHttp(request), byGrpc(request)]);
        outcomes.set(http.body.code ?? 'OK', (outcomes.get(http.body.code ?? 'OK') ?? 0) + 1);
        if (http.status === 200) {
          expect(asHttp(grpc.ok as WireOnlineResponse, request)).toEqual(http.body);
          return;
        }
        expect(grpc.error).toMatchObject({ status: statusOfHttp[http.status], message: http.body.error });
        expect(grpc.error?.metadata.get('millrace-error-code')).toEqual([http.body.code]);
      }),
      { numRuns: 300 },
    );
    // What the comparison is worth: it saw answers and each kind of refusal.
    for (const code of ['OK', 'REQUEST_INVALID', 'FEATURE_NOT_FOUND', 'FEATURE_AS_OF_TOO_EARLY']) {
      expect([...outcomes.keys()]).toContain(code);
    }
  });

  it('takes neither no selection nor a moment beyond all dates', async () => {
    const { error } = await caller.call('GetOnlineFeatures', { entities: [{ fields: {} }], asOfMs: 9e15 });
    expect(error).toMatchObject({ status: status.INVALID_ARGUMENT, message: expect.stringMatching(/expected one of 'service'.*as_of_ms: expected/) as string });
  });

  it('keeps to the deadline of the call and to the longest message', async () => {
    const request: Asked = { selection: { views: ['origin_departures'] }, entities: [{ origin: 'JFK' }], asOf, include: {} };
    expect((await byGrpc(request, 0)).error?.status).toBe(status.DEADLINE_EXCEEDED);
    // Longer than any that a request may name: cut, not refused.
    expect((await byGrpc(request, 10 * HOUR_MS)).ok).toBeDefined();
    const long = { ...request, entities: [{ origin: 'x'.repeat(BODY_BYTES_MAX) }] };
    expect((await byGrpc(long)).error?.status).toBe(status.RESOURCE_EXHAUSTED);
  });

  it('counts in the same metrics as HTTP', async () => {
    const count = async (): Promise<number> => {
      const text = await (await fetch(`${serving.url}/metrics`)).text();
      return Number(/millrace_online_read_duration_seconds_count\{[^}]*by="features"[^}]*\} (\d+)/.exec(text)?.[1] ?? 0);
    };
    const request: Asked = { selection: { features: ['origin_departures.delay1h'] }, entities: [{ origin: 'JFK' }], asOf, include: {} };
    const before = await count();
    await byHttp(request);
    await byGrpc(request);
    expect(await count()).toBe(before + 2);
  });
});
