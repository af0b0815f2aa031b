import fc from 'fast-check';
import { expandDefinitions, aggregationsOf, type Aggregation, type FeatureDefinition } from '../../../src/define/aggregation.ts';
import { aggregations } from '../../../src/define/aggregations.ts';
import { irreversibleKinds } from '../../../src/define/checks/check-reversible.ts';
import { entity, type Entity } from '../../../src/define/entity.ts';
import { featureView, type FeatureView } from '../../../src/define/feature-view.ts';
import type { Schema } from '../../../src/define/field.ts';
import { source, type Source } from '../../../src/define/source.ts';
import { boolean, nullable, number, string, timestamp } from '../../../src/index.ts';
import { aggregationsOver, LANDS, windows } from '../../property/fold/aggregation-arbitrary.ts';

/** One source and what is computed from it. */
export interface RandomProject {
  readonly source: Source;
  readonly views: readonly FeatureView[];
}

/** Fields that every source has: its id, its time and the entity that every key begins with. */
const required: Schema = { id: string(), at: timestamp(), card: string(), amount: number() };
/** Fields that it may have. Names of SQL's own must be as good as others. */
const optional: Schema = {
  fee: nullable(number()),
  select: number(),
  Order: nullable(number()),
  online: nullable(boolean()),
  first: boolean(),
  country: nullable(string()),
  shop: string(),
  paidAt: nullable(timestamp()),
};

type Where = NonNullable<Aggregation['where']>;

/** Conditions by the field that they need. */
const wheres: Readonly<Record<string, readonly Where[]>> = {
  amount: [{ amount: { gt: 0 } }, { amount: { gte: -100, lt: 1e6 } }, { amount: { ne: 0 } }],
  fee: [{ fee: { isNull: true } }, { fee: { lt: 10 }, amount: { lte: 500 } }],
  select: [{ select: { in: [1, 2, 3] } }, { select: 2 }],
  online: [{ online: true }, { online: { ne: true } }],
  first: [{ first: { isNull: false } }, { first: false }],
  country: [{ country: { in: ['NO', LANDS[1]] } }, { country: { ne: 'NO' } }, { country: { isNull: true } }],
  shop: [{ shop: { ne: 's1/0' } }, { shop: { eq: 'ü' } }],
};

const allWindows = [...windows, { window: '1m' }, { window: '90d' }, { window: '30h', hop: '5h' }] as const;

/** Entities by the fields that they need, each with the fields that hold its keys. */
const entities: readonly { readonly entity: Entity; readonly fields: readonly string[] }[] = [
  { entity: entity({ name: 'card', keys: ['card'] }), fields: ['card'] },
  { entity: entity({ name: 'shop', keys: ['shop'] }), fields: ['shop'] },
  { entity: entity({ name: 'card_in_land', keys: ['card', 'land'] }), fields: ['card', 'country'] },
  { entity: entity({ name: 'trade', keys: ['store', 'land', 'card'] }), fields: ['shop', 'country', 'card'] },
];

function definitionsOver(schema: Schema): fc.Arbitrary<FeatureDefinition> {
  const fieldsOf = (...types: string[]): string[] =>
    Object.entries(schema).flatMap(([name, field]) => (types.includes(field.type) ? [name] : []));
  const numeric = fieldsOf('number', 'boolean');
  const { anyFeature } = aggregationsOver({
    numeric,
    numbers: fieldsOf('number'),
    timestamps: fieldsOf('timestamp'),
    texts: fieldsOf('string'),
    windows: allWindows,
    wheres: Object.keys(schema).flatMap((field) =>
      (wheres[field] ?? []).filter((where) => Object.keys(where).every((name) => name in schema)),
    ),
  });
  const window = fc.constantFrom(...allWindows);
  const lastN = fc
    .tuple(fc.constantFrom(...numeric), window, fc.integer({ min: 1, max: 4 }))
    .map(([field, options, n]) => aggregations.lastN(field, { ...options, n }));
  const bucketed = fc.tuple(fc.constantFrom('count', 'sum', 'mean'), window).map(([kind, options]) => {
    const bucketBy = { field: 'country', values: ['NO', LANDS[1], 'FR'] };
    if (kind === 'count') return aggregations.count({ ...options, bucketBy });
    return aggregations[kind]('amount', { ...options, bucketBy });
  });
  const bins = window.map((options) => aggregations.histogram('amount', { ...options, edges: [-1_000, 0, 1e3] }));
  return fc.oneof(
    { weight: 12, arbitrary: anyFeature },
    { weight: 1, arbitrary: lastN },
    { weight: 1, arbitrary: bins },
    ...('country' in schema ? [{ weight: 1, arbitrary: bucketed as fc.Arbitrary<FeatureDefinition> }] : []),
  );
}

/** Whether rows that change can be taken back from it. */
const isReversible = (definition: FeatureDefinition): boolean =>
  Object.values(expandDefinitions({ drawn: definition }))
    .flatMap(aggregationsOf)
    .every(({ kind }) => irreversibleKinds[kind] === null);

const VIEWS_MAX = 3;
const DEFINITIONS_MAX = 7;

/**
 * A source with some of the fields, and one to three views of any kinds of aggregations over entities of one to three keys.
 * @param partitions of the source
 * @param changes whether its rows change: then only what can be reversed is computed
 */
export const projectArbitrary = (
  name: string,
  partitions: number,
  changes: boolean,
): fc.Arbitrary<RandomProject> =>
  fc.subarray(Object.keys(optional)).chain((names) => {
    const schema: Schema = {
      ...required,
      ...Object.fromEntries(Object.entries(optional).filter(([field]) => names.includes(field))),
    };
    const drawn = source({
      name,
      schema,
      id: 'id' as never,
      eventTime: 'at' as never,
      knownTime: 'carried',
      partitions,
      changes,
    });
    const definition = definitionsOver(schema);
    const possible = entities.filter(({ fields }) => fields.every((field) => field in schema));
    const view = fc.record({
      of: fc.constantFrom(...possible),
      definitions: fc.array(changes ? definition.filter(isReversible) : definition, {
        minLength: 1,
        maxLength: DEFINITIONS_MAX,
        size: 'max',
      }),
    });
    return fc.array(view, { minLength: 1, maxLength: VIEWS_MAX, size: 'max' }).map((views) => ({
      source: drawn,
      views: views.map(({ of, definitions }, v) =>
        featureView({
          name: `view_${v}`,
          entity: of.entity,
          source: drawn,
          keyFields: Object.fromEntries(of.entity.keys.map((key, k) => [key, of.fields[k]])) as never,
          features: () => Object.fromEntries(definitions.map((one, i) => [`f${i}`, one])),
        }),
      ),
    }));
  });
