import type { Duration } from '../core/duration.ts';
import { expandDefinitions, type FeatureDefinition, type ViewFeature } from './aggregation.ts';
import { aggregations, type Aggregations } from './aggregations.ts';
import type { Entity } from './entity.ts';
import type { FeatureNamesOf } from './feature-names.ts';
import type { FieldNames, Schema } from './field.ts';
import type { Source } from './source.ts';

/** What a read does with a state older than `maxAge`: gives its values, gives null for each, or fails. */
export type OnStale = 'serve' | 'null' | 'refuse';

/** Aggregations of one source for one entity. */
export interface FeatureView<
  Name extends string = string,
  Feature extends string = string,
  Key extends string = string,
> {
  readonly kind: 'featureView';
  readonly name: Name;
  readonly version: number;
  readonly entity: Entity<string, Key>;
  readonly source: Source;
  /** Key field of the entity -> field of the source that holds it. */
  readonly keyFields: Readonly<Record<Key, string>>;
  /** As they were written: a group of features is one of them. */
  readonly definitions: Readonly<Record<string, FeatureDefinition>>;
  /** One value each, in the order of the definitions. */
  readonly features: Readonly<Record<Feature, ViewFeature>>;
  /** Partitions of the view's topic and of its states, fixed when it is created. */
  readonly partitions: number;
  /** Greatest age at which a state is fresh, docs/features.md; absent: whatever its age. */
  readonly maxAge?: Duration;
  /** There where `maxAge` is. */
  readonly onStale?: OnStale;
  /** A state older than this reads as one without events; absent: never. */
  readonly ttl?: Duration;
  /** Share of reads that are to find a state within `maxAge`, between 0 and 1: what alerts hold them against. */
  readonly freshnessObjective?: number;
}

export const VIEW_PARTITIONS_DEFAULT = 4;
export const VIEW_PARTITIONS_MAX = 512;
/** A view without key fields has one state, so one partition. */
const GLOBAL_VIEW_PARTITIONS = 1;

export function featureView<
  const Name extends string,
  const Key extends string,
  S extends Schema,
  const F extends Readonly<Record<string, FeatureDefinition>>,
>(definition: {
  name: Name;
  entity: Entity<string, Key>;
  source: Source<string, S>;
  /** Where the source names the entity's key fields differently. */
  keyFields?: { readonly [K in Key]?: FieldNames<S, 'string'> };
  features: (aggregate: Aggregations<S>) => F;
  version?: number;
  partitions?: number;
  maxAge?: Duration;
  /** `serve` where absent. */
  onStale?: OnStale;
  ttl?: Duration;
  /** Such as 0.999, beside a `maxAge`. */
  freshnessObjective?: number;
}): FeatureView<Name, FeatureNamesOf<F>, Key> {
  const keyFields = Object.fromEntries(
    definition.entity.keys.map((key): [Key, string] => [key, definition.keyFields?.[key] ?? key]),
  ) as Record<Key, string>;
  const definitions = definition.features(aggregations as unknown as Aggregations<S>);
  const { maxAge, onStale, ttl, freshnessObjective } = definition;
  return {
    kind: 'featureView',
    name: definition.name,
    version: definition.version ?? 1,
    entity: definition.entity,
    source: definition.source,
    keyFields,
    definitions,
    features: expandDefinitions(definitions),
    partitions:
      definition.partitions ??
      (definition.entity.keys.length === 0 ? GLOBAL_VIEW_PARTITIONS : VIEW_PARTITIONS_DEFAULT),
    // Absent, not undefined: a view without them stays the definition that it was.
    ...(maxAge === undefined ? {} : { maxAge }),
    ...(maxAge === undefined && onStale === undefined ? {} : { onStale: onStale ?? 'serve' }),
    ...(ttl === undefined ? {} : { ttl }),
    ...(freshnessObjective === undefined ? {} : { freshnessObjective }),
  };
}
