import type { Duration } from '../core/duration.ts';
import { aggregations, type Aggregation, type Aggregations } from './aggregation.ts';
import type { Entity } from './entity.ts';
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
  readonly features: Readonly<Record<Feature, Aggregation>>;
  /** Partitions of the view's topic and of its states, fixed when it is created. */
  readonly partitions: number;
  /** Greatest age at which a state is fresh, docs/features.md; absent: whatever its age. */
  readonly maxAge?: Duration;
  /** There where `maxAge` is. */
  readonly onStale?: OnStale;
  /** A state older than this reads as one without events; absent: never. */
  readonly ttl?: Duration;
}

export const VIEW_PARTITIONS_DEFAULT = 4;
export const VIEW_PARTITIONS_MAX = 512;

export function featureView<
  const Name extends string,
  const Key extends string,
  S extends Schema,
  const F extends Readonly<Record<string, Aggregation>>,
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
}): FeatureView<Name, keyof F & string, Key> {
  const keyFields = Object.fromEntries(
    definition.entity.keys.map((key): [Key, string] => [key, definition.keyFields?.[key] ?? key]),
  ) as Record<Key, string>;
  const { maxAge, onStale, ttl } = definition;
  return {
    kind: 'featureView',
    name: definition.name,
    version: definition.version ?? 1,
    entity: definition.entity,
    source: definition.source,
    keyFields,
    features: definition.features(aggregations as unknown as Aggregations<S>),
    partitions: definition.partitions ?? VIEW_PARTITIONS_DEFAULT,
    // Absent, not undefined: a view without them stays the definition that it was.
    ...(maxAge === undefined ? {} : { maxAge }),
    ...(maxAge === undefined && onStale === undefined ? {} : { onStale: onStale ?? 'serve' }),
    ...(ttl === undefined ? {} : { ttl }),
  };
}
