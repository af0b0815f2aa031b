import { formatDuration, type Duration } from '../core/duration.ts';
import type { JsonValue } from '../core/json.ts';
import type { Aggregation, AggregationKind, CombinationKind, ViewFeature } from '../define/aggregation.ts';
import type { Condition } from '../define/condition.ts';
import type { FeatureView, OnStale } from '../define/feature-view.ts';
import type { Schema } from '../define/field.ts';
import type { Source } from '../define/source.ts';

/** An aggregation as `compileView` writes it down. */
interface DefinedAggregation {
  readonly kind: AggregationKind;
  readonly field: string | null;
  /** Null: lifetime. */
  readonly windowMs: number | null;
  readonly hopMs: number | null;
  readonly where: Condition | null;
  readonly n?: number;
  readonly rank?: number;
  readonly halfLifeMs?: number;
  readonly q?: number;
}

type DefinedFeature = { readonly name: string } & (
  DefinedAggregation | { readonly kind: CombinationKind; readonly parts: readonly DefinedAggregation[] }
);

/** What `ViewProgram.definition` is, read back. */
export interface DefinedView {
  readonly name: string;
  readonly version: number;
  readonly entity: { readonly name: string; readonly keys: readonly string[] };
  readonly source: string;
  readonly changes?: true;
  readonly eventTime: string;
  readonly keyFields: readonly string[];
  readonly fields: Schema;
  readonly ttlMs?: number;
  readonly maxAgeMs?: number;
  readonly onStale?: OnStale;
  readonly features: readonly DefinedFeature[];
}

/**
 * The view that a definition was made of: the inverse of `compileView(view).definition`, so that an applied version
 * can run after the project's file has gone on. Groups come back as their parts, and a `maxAge` whose states
 * are served all the same is no part of a definition.
 * @param source the view's source as it is now; the fields that the view aggregates get the types that they had
 */
export function viewOfDefinition(definition: JsonValue, partitions: number, source: Source): FeatureView {
  const defined = definition as unknown as DefinedView;
  const features = Object.fromEntries(
    defined.features.map((feature): [string, ViewFeature] => [feature.name, featureOf(feature)]),
  );
  return {
    kind: 'featureView',
    name: defined.name,
    version: defined.version,
    entity: { kind: 'entity', ...defined.entity },
    source: sourceOf(defined, source),
    keyFields: Object.fromEntries(defined.entity.keys.map((key, i) => [key, defined.keyFields[i] ?? key])),
    definitions: features,
    features,
    partitions,
    ...(defined.maxAgeMs === undefined ? {} : { maxAge: durationOf(defined.maxAgeMs) }),
    ...(defined.onStale === undefined ? {} : { onStale: defined.onStale }),
    ...(defined.ttlMs === undefined ? {} : { ttl: durationOf(defined.ttlMs) }),
  };
}

function sourceOf({ changes, eventTime, fields }: DefinedView, present: Source): Source {
  const { changes: _, ...source } = present;
  return {
    ...source,
    ...(changes === true ? { changes } : {}),
    eventTime,
    schema: { ...source.schema, ...fields },
  };
}

function featureOf(feature: DefinedFeature): ViewFeature {
  if (!('parts' in feature)) return aggregationOf(feature);
  const [first, second] = feature.parts as [DefinedAggregation, DefinedAggregation];
  return { kind: feature.kind, parts: [aggregationOf(first), aggregationOf(second)] };
}

function aggregationOf({
  kind,
  field,
  windowMs,
  hopMs,
  where,
  n,
  rank,
  halfLifeMs,
  q,
}: DefinedAggregation): Aggregation {
  return {
    kind,
    field,
    window: windowMs === null ? 'lifetime' : durationOf(windowMs),
    ...(hopMs === null ? {} : { hop: durationOf(hopMs) }),
    ...(where === null ? {} : { where }),
    ...(n === undefined ? {} : { n }),
    ...(rank === undefined ? {} : { rank }),
    ...(halfLifeMs === undefined ? {} : { halfLife: durationOf(halfLifeMs) }),
    ...(q === undefined ? {} : { q }),
  };
}

const durationOf = (ms: number): Duration => formatDuration(ms) as Duration;
