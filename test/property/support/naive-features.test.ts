import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  boolean,
  entity,
  featureView,
  nullable,
  number,
  source,
  string,
  timestamp,
} from '../../../src/index.ts';
import { compileView, prepareEvent } from '../../../src/fold/compile-view.ts';
import { applyEvent, createState, readFeatures } from '../../../src/fold/view-state.ts';
import { naiveFeatures, type NaiveEvent } from '../../support/naive-features.ts';
import { float32Of } from '../../support/naive/float32.ts';

const readings = source({
  name: 'readings',
  schema: {
    id: string(),
    at: timestamp(),
    meter: string(),
    level: nullable(number()),
    open: nullable(boolean()),
    unit: nullable(string()),
  },
  id: 'id',
  eventTime: 'at',
});

const view = featureView({
  name: 'meter',
  entity: entity({ name: 'meter', keys: ['meter'] }),
  source: readings,
  features: (a) => ({
    count: a.count({ window: '1h' }),
    count_open: a.count({ window: '90m', hop: '10m', where: { open: true, level: { gt: -1, lte: 500 } } }),
    count_unit: a.count({ window: '3h', where: { unit: { in: ['K', 'C'] } } }),
    count_missing: a.count({ window: '3h', where: { level: { isNull: true } } }),
    sum: a.sum('level', { window: '3h' }),
    mean: a.mean('level', { window: '24h' }),
    share: a.mean('open', { window: '7d', where: { unit: { ne: 'F' } } }),
    min: a.min('level', { window: '5m' }),
    max: a.max('at', { window: '30d' }),
    stddev: a.stddev('level', { window: '6h', hop: '5m' }),
    variance: a.variance('level', { window: '6h', hop: '5m' }),
    skewness: a.skewness('level', { window: '24h' }),
    decayed_count: a.decayedCount({ window: '24h', halfLife: '1h' }),
    decayed_sum: a.decayedSum('level', { window: '24h', halfLife: '3s' }),
    decayed_mean: a.decayedMean('level', { window: '3d', halfLife: '90d' }),
    open_share: a.ratio(
      a.count({ window: '3h', where: { open: true } }),
      a.count({ window: '24h', where: { open: { isNull: false } } }),
    ),
    trend: a.difference(a.mean('level', { window: '1h' }), a.mean('level', { window: '24h' })),
    ever: a.sum('level', { window: 'lifetime' }),
    first: a.first('level', { window: '3d' }),
    last: a.last('level', { window: '3d' }),
    since: a.timeSinceLast({ window: '24h', where: { open: false } }),
  }),
});

const START = Date.UTC(2024, 0, 1);
const HOUR_MS = 3_600_000;

const event = fc.record({
  at: fc.oneof(
    fc.integer({ min: 0, max: 40 * HOUR_MS }),
    fc.integer({ min: 36 * HOUR_MS, max: 40 * HOUR_MS }),
  ),
  delay: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 * HOUR_MS })),
  level: fc.option(
    fc.oneof(fc.integer({ min: -50, max: 900 }), fc.double({ min: -1e3, max: 1e3, noNaN: true })),
  ),
  open: fc.option(fc.boolean()),
  unit: fc.option(fc.constantFrom('K', 'C', 'F')),
});

describe('the naive oracle of features', () => {
  it('gives the float32 bits of the fold, whatever the order of arrival', () => {
    const program = compileView(view);
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), fc.integer({ min: 0, max: HOUR_MS }), (drawn, lead) => {
        const events = drawn.map(({ at, delay, ...row }): NaiveEvent => ({
          effectiveTime: START + at,
          knownTime: START + at + delay,
          row: { ...row, id: '', meter: 'm', at: START + at },
        }));
        const asOf = events.reduce((latest, { knownTime }) => Math.max(latest, knownTime), START) - lead;
        const state = createState(program);
        const inputs = new Float64Array(program.inputCount);
        events.forEach(({ effectiveTime, knownTime, row }, offset) => {
          prepareEvent(program, row as never, inputs, 0);
          applyEvent(program, state, 0, offset, effectiveTime, knownTime, inputs, 0);
        });
        const folded = new Float64Array(program.featureNames.length);
        readFeatures(program, state, asOf, folded, 0);
        const naive = naiveFeatures(view, events, asOf);
        expect(Array.from(folded, float32Of)).toEqual(
          program.featureNames.map((name) => float32Of(naive[name])),
        );
      }),
      { numRuns: 300 },
    );
  });
});
