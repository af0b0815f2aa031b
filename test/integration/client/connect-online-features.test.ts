/* Every line after an expected error is a mistake that the compiler must find; the type check of the project runs them. */
import { afterAll, beforeAll, expect, expectTypeOf, test } from 'vitest';
import { connectOnlineFeatures, connectOnlineStore, readOnline, type OnlineFeaturesClient } from '../../../src/index.ts';
import { createServingStage, type ServingStage } from '../../support/serving/serving-stage.ts';
import { delayModel, originDepartures } from '../../support/serving/tiny-project.ts';

const HOUR_MS = 3_600_000;
const asOf = Date.UTC(2013, 5, 1, 12);
const include = { ages: true, fences: true };
let stage: ServingStage;
let features: OnlineFeaturesClient;

beforeAll(async () => {
  stage = await createServingStage();
  await stage.fold('JFK', [
    { at: asOf - HOUR_MS / 2, delayMinutes: 10 },
    { at: asOf - HOUR_MS / 4, delayMinutes: 30 },
  ]);
  const { grpcAddress } = await stage.serve();
  features = await connectOnlineFeatures({ address: grpcAddress, timeoutMs: 20_000 });
});
afterAll(async () => {
  features.close();
  await stage.close();
});

test('a program reads through a serving process what it would read from the store itself', async () => {
  const store = await connectOnlineStore({ MILLRACE_REDIS_URL: stage.config.redisUrl, MILLRACE_NAMESPACE: stage.config.namespace });
  const views = { views: [originDepartures], entities: [{ origin: 'JFK' }, { origin: 'never seen' }, { origin: null }], asOf, include } as const;
  const read = await features.read(views);
  expect(read).toEqual(await readOnline(store, views));
  expect(read.rows[0]).toEqual({ 'origin_departures.departed1h': 2, 'origin_departures.delay1h': 40 });
  expectTypeOf(read.rows[0]!['origin_departures.delay1h']).toEqualTypeOf<number | null>();
  // @ts-expect-error -- the view has no such feature
  expect(read.rows[0]!['origin_departures.delay2h']).toBeUndefined();
  const { service } = delayModel;
  const row = { service, entities: [{ origin: 'JFK', distance: 0.1, carrier: 'UA' }], asOf };
  expect(await features.read(row)).toEqual(await readOnline(store, row));
  await store.close();
});

test('what the server refuses comes as the error that it is', async () => {
  const read = (over: object) => features.read({ views: [originDepartures], entities: [{ origin: 'JFK' }], ...over });
  await expect(read({ asOf: asOf - 2 * HOUR_MS })).rejects.toMatchObject({
    code: 'FEATURE_AS_OF_TOO_EARLY',
    message: expect.stringContaining("or later for 'JFK'") as string,
  });
  await expect(read({ views: [{ ...originDepartures, name: 'other' }] })).rejects.toMatchObject({ code: 'FEATURE_NOT_FOUND' });
  await expect(read({ entities: [{ origin: 'x'.repeat(2 ** 20) }] })).rejects.toMatchObject({ code: 'REQUEST_TOO_LARGE' });
});

test('another version of a view than the program knows is refused, and so is a server that is not there', async () => {
  const newer = { ...originDepartures, version: 2 };
  await expect(features.read({ views: [newer], entities: [{ origin: 'JFK' }], asOf })).rejects.toMatchObject({
    code: 'FEATURE_VIEW_NOT_FOUND',
    message: expect.stringContaining("'origin_departures' is served in version 1") as string,
  });
  const nobody = await connectOnlineFeatures({ address: '127.0.0.1:9' });
  await expect(nobody.read({ views: [originDepartures], entities: [{ origin: 'JFK' }] })).rejects.toMatchObject({
    code: expect.stringMatching(/^(PROCESS_UNREACHABLE|SERVING_DEADLINE_EXCEEDED)$/) as string,
  });
  nobody.close();
});
