import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectOnlineStore, readOnline, type OnlineConnection } from '../../../src/index.ts';
import { createServingStage, type ServingStage } from '../../support/serving/serving-stage.ts';
import { originDepartures } from '../../support/serving/tiny-project.ts';

const HOUR_MS = 3_600_000;
const asOf = Date.UTC(2013, 5, 1, 12);
let stage: ServingStage;
let online: OnlineConnection;

beforeAll(async () => {
  stage = await createServingStage();
  await stage.fold('JFK', [
    { at: asOf - HOUR_MS / 2, delayMinutes: 10 },
    { at: asOf - HOUR_MS / 4, delayMinutes: 30 },
  ]);
  online = await connectOnlineStore({
    MILLRACE_REDIS_URL: stage.config.redisUrl,
    MILLRACE_NAMESPACE: stage.config.namespace,
  });
});
afterAll(async () => {
  await online.close();
  await stage.close();
});

test('a program reads what a running Millrace folded, with Redis and the definitions alone', async () => {
  const { rows, views } = await readOnline(online, {
    views: [originDepartures],
    entities: [{ origin: 'JFK' }, { origin: 'EWR' }],
    asOf,
    include: { ages: true },
  });
  expect(rows).toEqual([
    { 'origin_departures.departed1h': 2, 'origin_departures.delay1h': 40 },
    { 'origin_departures.departed1h': 0, 'origin_departures.delay1h': null },
  ]);
  expect(views).toEqual([{ view: 'origin_departures', version: 1, stale: [], ageMs: [HOUR_MS / 4, null] }]);
});

test('settings that are wrong are named, a Redis that is away is STORE_UNAVAILABLE', async () => {
  await expect(connectOnlineStore({ MILLRACE_REDIS_URL: 'http://x' })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('MILLRACE_REDIS_URL') as string,
  });
  await expect(
    connectOnlineStore({ MILLRACE_REDIS_URL: 'redis://127.0.0.1:9', MILLRACE_LOG_LEVEL: 'silent' }),
  ).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
});
