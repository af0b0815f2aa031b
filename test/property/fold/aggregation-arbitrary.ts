import fc from 'fast-check';
import type { Aggregation, ViewFeature } from '../../../src/define/aggregation.ts';

type WindowAndHop = Pick<Aggregation, 'window' | 'hop'>;
type Where = NonNullable<Aggregation['where']>;
type Computation = Omit<Aggregation, 'window' | 'hop' | 'where'>;

/** Texts to choose from: plain, none, and one whose characters are escaped somewhere. */
export const LANDS = ['NO', "D'E\\\r\n  ü😀", ''] as const;

/** The fields of a source that aggregations of each sort take, and what they choose from. */
export interface AggregationPools {
  /** Numbers and booleans. */
  readonly numeric: readonly string[];
  readonly numbers: readonly string[];
  readonly timestamps: readonly string[];
  readonly texts: readonly string[];
  readonly windows: readonly WindowAndHop[];
  readonly wheres: readonly Where[];
}

export interface AggregationArbitraries {
  /** Those that the oracle has to the last bit of a float32. */
  readonly viewFeature: fc.Arbitrary<ViewFeature>;
  /** Those whose tiles are the same bytes in any order of arrival. */
  readonly exactAggregation: fc.Arbitrary<Aggregation>;
  /** Those that the oracle has within their error. */
  readonly quantileAggregation: fc.Arbitrary<Aggregation>;
  readonly anyFeature: fc.Arbitrary<ViewFeature>;
}

const halfLife = fc.constantFrom('1s', '7m', '1h', '30d', '365d') as fc.Arbitrary<
  NonNullable<Aggregation['halfLife']>
>;

/** Aggregations of every kind over the fields of a source. */
export function aggregationsOver(pools: AggregationPools): AggregationArbitraries {
  const numeric = fc.constantFrom(...pools.numeric);
  const ordered = fc.constantFrom(...pools.numbers, ...pools.timestamps);
  const where = fc.constantFrom(...pools.wheres);
  const windowAndHop = fc.constantFrom(...pools.windows);

  /** Sums round: their tiles are the same in any order of arrival to about 1e-30 only. */
  const rounded: fc.Arbitrary<Computation> = fc.oneof(
    fc.record({ kind: fc.constantFrom('sum', 'mean', 'variance', 'stddev', 'skewness'), field: numeric }),
    fc.record({ kind: fc.constant('decayedCount' as const), field: fc.constant(null), halfLife }),
    fc.record({ kind: fc.constantFrom('decayedSum', 'decayedMean'), field: numeric, halfLife }),
  );

  const exact: fc.Arbitrary<Computation> = fc.oneof(
    fc.record({ kind: fc.constantFrom('count', 'timeSinceLast'), field: fc.constant(null) }),
    fc.record({ kind: fc.constantFrom('first', 'last'), field: numeric }),
    fc.record({ kind: fc.constantFrom('min', 'max'), field: ordered }),
    fc
      .record({
        kind: fc.constant('lastN' as const),
        field: numeric,
        n: fc.constantFrom(1, 3, 16),
        rank: fc.integer({ min: 1, max: 16 }),
      })
      .filter(({ n, rank }) => rank <= n),
  );

  /** Exact for the number of events that a history has. */
  const distinct: fc.Arbitrary<Computation> = fc.oneof(
    fc.record({
      kind: fc.constant('approxDistinct' as const),
      field: fc.constantFrom(...pools.texts, ...pools.numbers, ...pools.timestamps),
    }),
    fc.record({
      kind: fc.constant('topK' as const),
      field: fc.constantFrom(...pools.texts),
      n: fc.constant(4),
      rank: fc.integer({ min: 1, max: 4 }),
    }),
  );

  const quantile: fc.Arbitrary<Computation> = fc.record({
    kind: fc.constant('approxQuantile' as const),
    field: fc.constantFrom(...pools.numbers),
    q: fc.constantFrom(0, 0.25, 0.5, 0.99, 1),
  });

  const windowed = (computation: fc.Arbitrary<Computation>): fc.Arbitrary<Aggregation> =>
    fc.record({ computation, windowAndHop, where: fc.option(where) }).map((drawn) => ({
      ...drawn.computation,
      ...drawn.windowAndHop,
      ...(drawn.where === null ? {} : { where: drawn.where }),
    }));

  /** Those that are the same double in the fold and the oracle, so that what cancels leaves the same. */
  const nearest = windowed(
    fc.oneof(
      fc.record({ kind: fc.constant('count' as const), field: fc.constant(null) }),
      fc.record({ kind: fc.constantFrom('sum', 'mean', 'first', 'last'), field: numeric }),
      fc.record({ kind: fc.constantFrom('min', 'max'), field: ordered }),
    ),
  );

  const combination: fc.Arbitrary<ViewFeature> = fc.record({
    kind: fc.constantFrom('ratio', 'difference'),
    parts: fc.tuple(nearest, nearest),
  });

  const viewFeature: fc.Arbitrary<ViewFeature> = fc.oneof(
    { weight: 5, arbitrary: windowed(fc.oneof(rounded, exact, distinct)) },
    combination,
  );
  const exactAggregation = windowed(fc.oneof(exact, distinct, quantile));
  return {
    viewFeature,
    exactAggregation,
    quantileAggregation: windowed(quantile),
    anyFeature: fc.oneof({ weight: 5, arbitrary: viewFeature }, exactAggregation),
  };
}

export const windows: readonly WindowAndHop[] = [
  { window: '5m' },
  { window: '1h' },
  { window: '1h', hop: '10m' },
  { window: '3h' },
  { window: '3h', hop: '10m' },
  { window: '24h' },
  { window: '2d', hop: '12h' },
  { window: '2d', hop: '2d' },
  { window: 'lifetime' },
];

export const { viewFeature, exactAggregation, quantileAggregation, anyFeature } = aggregationsOver({
  numeric: ['amount', 'fee', 'online'],
  numbers: ['amount', 'fee'],
  timestamps: ['at'],
  texts: ['country', 'card'],
  windows,
  wheres: [
    { online: true },
    { country: { in: LANDS.slice(0, 2) } },
    { country: { ne: 'NO' }, amount: { gte: 0 } },
    { fee: { isNull: true } },
    { country: { notIn: ['NO', 'SE'] } },
    { fee: { notIn: [0, 1.5] } },
    { fee: { lt: 10 } },
  ],
});
