import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Aggregation, AggregationKind } from '../../../src/define/aggregation.ts';
import { algebraOf } from '../../../src/fold/aggregations/algebra-of.ts';
import type { Intermediate } from '../../../src/fold/intermediates/intermediate.ts';

/** Options that each kind needs. */
const options: Readonly<Record<AggregationKind, Partial<Aggregation>>> = {
  count: { field: null },
  sum: {},
  mean: {},
  min: {},
  max: {},
  variance: {},
  stddev: {},
  skewness: {},
  first: {},
  last: {},
  lastN: { n: 3, rank: 2 },
  decayedCount: { field: null, halfLife: '2ms' },
  decayedSum: { halfLife: '2ms' },
  decayedMean: { halfLife: '2ms' },
  timeSinceLast: { field: null },
  approxDistinct: {},
  approxQuantile: { q: 0.5 },
  topK: { n: 3, rank: 2 },
};
const intermediates = [
  ...new Set(
    Object.entries(options).flatMap(([kind, option]) => {
      const aggregation = {
        kind: kind as AggregationKind,
        field: 'amount',
        window: '1h',
        ...option,
      } as const;
      const algebra = algebraOf(aggregation);
      return 'sketch' in algebra ? [] : algebra.intermediates;
    }),
  ),
];

const events = fc.array(
  fc.record({
    value: fc.double({ min: -1e6, max: 1e6, noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
    eventTime: fc.integer({ min: 0, max: 3 }),
    knownTime: fc.integer({ min: 3, max: 5 }),
  }),
  { maxLength: 20 },
);
type Events = typeof events extends fc.Arbitrary<infer T> ? T : never;

function tileOf(intermediate: Intermediate, drawn: Events): Float64Array {
  const tile = Float64Array.from(intermediate.identity);
  for (const { value, eventTime, knownTime } of drawn) {
    intermediate.update(tile, 0, Float64Array.of(value), 0, Float64Array.of(eventTime, knownTime));
  }
  return tile;
}

function merge(intermediate: Intermediate, ...tiles: readonly Float64Array[]): Float64Array {
  const into = Float64Array.from(tiles[0]!);
  const rest = Float64Array.from(tiles.slice(1).flatMap((tile) => [...tile]));
  intermediate.mergeTiles(into, 0, rest, 0, intermediate.width, tiles.length - 1);
  return into;
}

/** Power of the value that each double-double sums, and the slots before it, which are exact. */
const sums: Readonly<Record<string, { power: number; before: number }>> = {
  valueSum: { power: 1, before: 0 },
  squareSum: { power: 2, before: 0 },
  cubeSum: { power: 3, before: 0 },
  'decayedWeight(2)': { power: 0, before: 1 },
  'decayedValue(2)': { power: 1, before: 1 },
};

/** Sums agree to 1e-28 of what was added; all else exactly. */
function expectSame(intermediate: Intermediate, drawn: Events, one: Float64Array, other: Float64Array): void {
  const sum = sums[intermediate.name];
  const exact = sum?.before ?? intermediate.width;
  expect(one.subarray(0, exact)).toEqual(other.subarray(0, exact));
  if (sum === undefined) return;
  // A weight is less than 2 in the unit of its sum.
  const size = drawn.reduce((total, { value }) => total + 2 * Math.abs(value) ** sum.power, 0);
  const difference = one[exact]! - other[exact]! + (one[exact + 1]! - other[exact + 1]!);
  expect(Math.abs(difference)).toBeLessThanOrEqual(1e-28 * size);
}

describe.each(intermediates.map((intermediate) => [intermediate.name, intermediate] as const))(
  'the intermediate result %s',
  (_name, intermediate) => {
    it('merges associatively, and merging equals updating', () => {
      fc.assert(
        fc.property(events, events, events, (a, b, c) => {
          const [x, y, z] = [tileOf(intermediate, a), tileOf(intermediate, b), tileOf(intermediate, c)];
          const all = [...a, ...b, ...c];
          const left = merge(intermediate, merge(intermediate, x, y), z);
          expectSame(intermediate, all, left, merge(intermediate, x, merge(intermediate, y, z)));
          expectSame(intermediate, all, left, merge(intermediate, x, y, z));
          expectSame(intermediate, all, left, tileOf(intermediate, all));
        }),
      );
    });

    it('merges in any order', () => {
      fc.assert(
        fc.property(events, events, (a, b) => {
          const [x, y] = [tileOf(intermediate, a), tileOf(intermediate, b)];
          expectSame(intermediate, [...a, ...b], merge(intermediate, x, y), merge(intermediate, y, x));
        }),
      );
    });

    it('has an identity', () => {
      fc.assert(
        fc.property(events, (drawn) => {
          const tile = tileOf(intermediate, drawn);
          const identity = Float64Array.from(intermediate.identity);
          expect(merge(intermediate, tile, identity)).toEqual(tile);
          expect(merge(intermediate, identity, tile)).toEqual(tile);
        }),
      );
    });
  },
);
