import { describe, expect, it } from 'vitest';
import { createMemoryOnlineStore, featureView, foldOnline, readOnline } from '../../../src/index.ts';
import { compileView } from '../../../src/fold/compile-view.ts';
import { READ_GRACE_MS } from '../../../src/fold/plan-resolution.ts';
import { createState, type ViewState } from '../../../src/fold/view-state.ts';
import { assertReadable } from '../../../src/store/readable-moment.ts';
import { carrierDepartures } from '../../support/serving/contract-project.ts';
import { originDepartures } from '../../support/serving/tiny-project.ts';

const NOON = Date.UTC(2024, 0, 1, 12);
const HOUR_MS = 3_600_000;
const origins = compileView(originDepartures);
const carriers = compileView(carrierDepartures({}));

const stateAt = (newestKnownTime: number): ViewState => {
  const state = createState(origins);
  state.newestKnownTime = newestKnownTime;
  return state;
};
const asked = (...keys: (string | null)[]) => keys.map((entityKey) => ({ program: origins, entityKey }));

describe('the oldest moment that an online read may ask for', () => {
  it('is an hour before the newest known time, to the millisecond', () => {
    const states = [stateAt(NOON)];
    expect(() => assertReadable(asked('JFK'), states, NOON - READ_GRACE_MS)).not.toThrow();
    expect(() => assertReadable(asked('JFK'), states, NOON - READ_GRACE_MS - 1)).toThrow(/2024-01-01T11:00:00.000Z or later for 'JFK'/);
  });

  it('asks nothing of a key without a state or of a state without events', () => {
    expect(() => assertReadable(asked('JFK', null), [null, stateAt(-Infinity)], 0)).not.toThrow();
  });

  it('names every view, the moment, the latest of the oldest moments, some keys, and what to do', () => {
    const keys = ['A', 'B', 'C', 'D', 'E', 'F', 'F'];
    const both = [...asked(...keys), { program: carriers, entityKey: 'UA' }];
    const states = [...keys.map((_, i) => stateAt(NOON + i)), stateAt(NOON + HOUR_MS)];
    let thrown: unknown;
    try {
      assertReadable(both, states, 0);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'FEATURE_AS_OF_TOO_EARLY', httpStatus: 422, details: { asOf: 0, oldest: NOON } });
    const message = (thrown as Error).message;
    expect(message).toContain('can not be read as of 1970-01-01T00:00:00.000Z');
    expect(message).toContain("view 'origin_departures' can be read as of 2024-01-01T11:00:00.006Z or later for 'A', 'B', 'C', 'D', 'E' and 1 more");
    expect(message).toContain("view 'carrier_departures' can be read as of 2024-01-01T12:00:00.000Z or later for 'UA'");
    expect(message).toContain("'millrace features as-of'");
  });

  it('holds for a library read of a lifetime, which would count what became known later', async () => {
    const { entity, source } = carrierDepartures({});
    const view = featureView({
      name: 'ever',
      entity,
      source,
      features: (a) => ({ count: a.count({ window: 'lifetime' }) }),
    });
    const store = createMemoryOnlineStore(() => NOON);
    const eventAt = (at: number) => ({
      payload: { flightId: `f${at}`, origin: 'JFK', carrier: 'UA', at, delayMinutes: 1 },
      knownTime: at,
    });
    await foldOnline(store, view, [eventAt(NOON - 3 * HOUR_MS), eventAt(NOON)]);
    const read = (asOf: number) => readOnline(store, { views: [view], entities: [{ carrier: 'UA' }], asOf });
    expect((await read(NOON)).rows).toEqual([{ 'ever.count': 2 }]);
    // One event was known then.
    await expect(read(NOON - 2 * HOUR_MS)).rejects.toMatchObject({ code: 'FEATURE_AS_OF_TOO_EARLY' });
  });
});
