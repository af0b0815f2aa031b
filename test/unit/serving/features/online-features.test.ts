import { describe, expect, it } from 'vitest';
import type { FeatureView } from '../../../../src/define/feature-view.ts';
import { prepareEvent } from '../../../../src/fold/compile-view.ts';
import { encodeState } from '../../../../src/fold/state-codec.ts';
import { applyEvent, createState } from '../../../../src/fold/view-state.ts';
import { Registry } from '../../../../src/infra/metrics.ts';
import { OnlineCatalog } from '../../../../src/store/online-catalog.ts';
import { systemTimers } from '../../../../serving/batcher/timers.ts';
import { OnlineFeatures, type OnlineFeaturesRequest } from '../../../../serving/features/online-features.ts';
import { ViewReader } from '../../../../serving/features/view-reader.ts';
import { createServingMetrics } from '../../../../serving/serving-metrics.ts';
import { contractProject } from '../../../support/serving/contract-project.ts';

const HOUR_MS = 3_600_000;
const asOf = Date.UTC(2024, 0, 1, 12);

/** States of the keys that start with a letter of `known`: one event of 10 minutes, an hour and a half before `asOf`. */
function setUp(contract: Pick<FeatureView, 'maxAge' | 'onStale' | 'ttl'>, delayMs = 0) {
  const project = contractProject(contract);
  const trips: number[] = [];
  const registry = new Registry();
  const features = new OnlineFeatures({
    catalog: new OnlineCatalog(project),
    reader: new ViewReader({
      readStates: async (reads) => {
        trips.push(reads.length);
        if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
        return reads.map(({ program, entityKey }) => {
          if (entityKey === null || entityKey.startsWith('?')) return null;
          const state = createState(program);
          const inputs = new Float64Array(program.inputCount);
          const at = asOf - 1.5 * HOUR_MS;
          prepareEvent(
            program,
            { flightId: 'f', origin: 'EWR', carrier: 'UA', at, delayMinutes: 10 },
            inputs,
            0,
          );
          applyEvent(program, state, 0, 7, at, at, inputs, 0);
          return Buffer.from(encodeState(program, state));
        });
      },
    }),
    metrics: createServingMetrics(registry),
    timers: systemTimers,
    clock: () => asOf,
    entitiesMax: 4,
    keysMax: 6,
    timeoutMs: 1_000,
  });
  const read = (over: Partial<OnlineFeaturesRequest>) =>
    features.read({
      selection: { views: ['origin_departures', 'carrier_departures'] },
      entities: [{ origin: 'EWR', carrier: 'UA' }],
      include: { ages: true, fences: false },
      ...over,
    });
  return { project, trips, read, metrics: () => registry.metrics() };
}

describe('a read of online features', () => {
  it('answers names once and a row per entity, from many views in one round trip', async () => {
    const { read, trips } = setUp({});
    const entities = [{ origin: 'EWR', carrier: 'UA' }, { origin: '?', carrier: null }, { origin: 'EWR' }];
    const answer = await read({ entities, include: { ages: true, fences: true }, asOf: asOf - HOUR_MS });
    expect(answer).toEqual({
      asOf: asOf - HOUR_MS,
      names: [
        'origin_departures.departed1h',
        'origin_departures.delay1h',
        'carrier_departures.mean1h',
        'carrier_departures.count1h',
      ],
      rows: [
        [1, 10, 10, 1],
        [0, null, null, 0],
        [1, 10, null, 0],
      ],
      views: [
        {
          view: 'origin_departures',
          version: 1,
          stale: [],
          ageMs: [HOUR_MS / 2, null, HOUR_MS / 2],
          fences: [{ 0: 7 }, null, { 0: 7 }],
        },
        {
          view: 'carrier_departures',
          version: 1,
          stale: [],
          ageMs: [HOUR_MS / 2, null, null],
          fences: [{ 0: 7 }, null, null],
        },
      ],
    });
    // Two distinct origins, one carrier, and one null key that asks for nothing.
    expect(trips).toEqual([4]);
  });

  it('answers the row of a service: on-demand features and categories too', async () => {
    const { read } = setUp({});
    const answer = await read({
      selection: { service: 'both' },
      entities: [{ origin: 'EWR', carrier: 'UA', distance: 4 }],
      asOf: asOf - HOUR_MS,
    });
    expect(answer.rows).toEqual([[1, 10, 10, 1, 6, 'UA']]);
  });

  it('leaves ages out where they are not wanted', async () => {
    const { read } = setUp({ maxAge: '1h' });
    const { views } = await read({ include: { ages: false, fences: false } });
    expect(views).toEqual([
      { view: 'origin_departures', version: 1, stale: [] },
      { view: 'carrier_departures', version: 1, stale: [0] },
    ]);
  });

  it.each<[string, Pick<FeatureView, 'maxAge' | 'onStale' | 'ttl'>, unknown[]]>([
    ['serves a stale state as it is', { maxAge: '1h', onStale: 'serve' }, [null, 0]],
    ['gives null for all features of a stale state', { maxAge: '1h', onStale: 'null' }, [null, null]],
    ['takes a state that is older than the ttl for none', { ttl: '1h' }, [null, 0]],
    ['serves a state within its age', { maxAge: '2h', onStale: 'null' }, [null, 0]],
  ])('%s', async (_what, contract, expected) => {
    const { read } = setUp(contract);
    const { rows } = await read({
      selection: { views: ['carrier_departures'] },
      entities: [{ carrier: 'UA' }],
    });
    expect(rows).toEqual([expected]);
  });

  it('refuses with FEATURE_STALE where the view does, naming the entities, and counts what was stale', async () => {
    const { read, metrics } = setUp({ maxAge: '1h', onStale: 'refuse' });
    const selection = { views: ['carrier_departures'] };
    await expect(
      read({ selection, entities: [{ carrier: 'UA' }, { carrier: null }, { carrier: '?' }] }),
    ).rejects.toMatchObject({
      code: 'FEATURE_STALE',
      message: expect.stringMatching(
        /view 'carrier_departures' has no state of at most '1h' for entities 0, 2\./,
      ) as string,
    });
    expect((await read({ selection, entities: [{ carrier: 'UA' }], asOf: asOf - HOUR_MS })).rows).toEqual([
      [10, 1],
    ]);
    const text = await metrics();
    expect(text).toMatch(/millrace_feature_reads_total\{view="carrier_departures"\} 4/);
    expect(text).toMatch(/millrace_feature_stale_reads_total\{view="carrier_departures"\} 2/);
    expect(text).toMatch(/millrace_online_read_failures_total\{code="FEATURE_STALE"\} 1/);
    expect(text).toMatch(/millrace_online_read_duration_seconds_count\{by="views",service=""\} 1/);
    expect(text).toMatch(/millrace_online_read_keys_sum 1/);
    expect(text).not.toContain('origin_departures');
  });

  it('refuses more entities or keys than its limits, and what does not make its deadline', async () => {
    const { read } = setUp({}, 60);
    const five = Array.from({ length: 5 }, () => ({ origin: 'EWR' }));
    await expect(read({ entities: five })).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      message: expect.stringMatching(
        /1 to 4 entities, found 5; expected at most 6 keys, found 5 entities of 2 views/,
      ) as string,
    });
    await expect(read({ entities: [] })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    await expect(read({ timeoutMs: 5 })).rejects.toMatchObject({ code: 'SERVING_DEADLINE_EXCEEDED' });
  });
});
