import type { Duration } from '../core/duration.ts';
import {
  attachedType,
  type Attachment,
  type Derivation,
  type DerivedSource,
  type OnBehind,
} from './derivation.ts';
import type { FeatureView } from './feature-view.ts';
import type { Field, FieldNames, KnownKeys, Schema } from './field.ts';
import type { Source } from './source.ts';

export const DERIVE_WAIT_DEFAULT = '30s';

type FeatureOf<V> = V extends FeatureView<string, infer Feature, string> ? Feature : never;
type KeyOf<V> = V extends FeatureView<string, string, infer Key> ? Key : never;
type TypedAttachment<F extends Field = Field> = Attachment & { readonly fieldType?: F };

/** What can be attached to an event of a source with the schema S. */
export interface Attachments<S extends Schema> {
  /**
   * A field of the latest row of `table` that has the event's key, as known at the event's known time: the row of the
   * greatest event time; ties go to the later known time, then to the one further on in the log. Null where there is none.
   */
  latest<T extends Schema, const F extends KnownKeys<T>>(
    table: Source<string, T>,
    field: F,
    options: { by: { readonly [K in FieldNames<T, 'string'>]?: FieldNames<S, 'string'> } },
  ): TypedAttachment<Field<T[F]['type'], true>>;
  /**
   * A feature of `view` as of the event's known time, for the key in the event: what a training set would have for
   * that moment, null where it is null. Events known at that moment count, so one of the view's own source counts itself.
   */
  feature<const V extends FeatureView>(
    view: V,
    feature: FeatureOf<V>,
    options?: { keyFields?: { readonly [K in KeyOf<V>]?: FieldNames<S, 'string'> } },
  ): TypedAttachment<Field<'number', true>>;
}

type AttachedSchema<A extends Readonly<Record<string, TypedAttachment>>> = {
  readonly [K in keyof A]: A[K] extends TypedAttachment<infer F> ? F : never;
};
type Flat<T> = { readonly [K in keyof T]: T[K] };
type DerivedSchema<
  S extends Schema,
  C extends string,
  A extends Readonly<Record<string, TypedAttachment>>,
> = Flat<Pick<S, C & keyof S> & AttachedSchema<A>>;

const attachments = {
  latest: (
    table: Source,
    field: string,
    options: { by?: Readonly<Record<string, string>> } = {},
  ): Attachment => ({ kind: 'latest', table, field, by: options.by ?? {} }),
  feature: (
    view: FeatureView,
    feature: string,
    options: { keyFields?: Readonly<Record<string, string>> } = {},
  ): Attachment => ({
    kind: 'feature',
    view,
    feature,
    keyFields: Object.fromEntries(view.entity.keys.map((key) => [key, options.keyFields?.[key] ?? key])),
  }),
};

/**
 * A source that nobody sends to: its events are those of `from`, each with the same id, event time and known time,
 * carrying fields of the original and what was known of other sources at that time. It has a topic and an offline log of
 * its own, which hold what was attached, so views, training sets and audits read it as any other source.
 */
export function derivedSource<
  const Name extends string,
  S extends Schema,
  const A extends Readonly<Record<string, TypedAttachment>>,
  const C extends KnownKeys<S> = KnownKeys<S>,
>(definition: {
  name: Name;
  from: Source<string, S>;
  /** Fields of the original, beside its id and event time; all where absent. Name the id to use it further on. */
  carry?: readonly C[];
  attach: (attach: Attachments<S>) => A;
  /** How long events wait for the log of what is attached; `30s` where absent. */
  waitMax?: Duration;
  /** `hold` where absent. */
  onBehind?: OnBehind;
  partitions?: number;
}): DerivedSource<Name, DerivedSchema<S, C, A>> {
  const { from } = definition;
  const attach = definition.attach(attachments as unknown as Attachments<S>);
  const carry = [
    ...new Set([from.id, from.eventTime, ...(definition.carry ?? Object.keys(from.schema))] as string[]),
  ];
  const derivation: Derivation = {
    from,
    carry,
    attach: Object.fromEntries(
      Object.entries(attach).map(([name, one]): [string, Attachment] => [name, one]),
    ),
    waitMax: definition.waitMax ?? DERIVE_WAIT_DEFAULT,
    onBehind: definition.onBehind ?? 'hold',
  };
  return {
    kind: 'source',
    name: definition.name,
    schema: schemaOf(derivation) as DerivedSchema<S, C, A>,
    id: from.id,
    eventTime: from.eventTime,
    // The original's, carried along.
    knownTime: 'carried',
    clockSkew: from.clockSkew,
    // The originals of one id are further apart than this, and what is derived twice is not apart at all: exactly the latter is dropped.
    dedupeWindow: from.dedupeWindow,
    partitions: definition.partitions ?? from.partitions,
    derivation,
  };
}

function schemaOf({ from, carry, attach }: Derivation): Schema {
  const schema: Record<string, Field> = {};
  for (const name of carry) {
    const field = from.schema[name];
    if (field !== undefined) schema[name] = field;
  }
  for (const [name, attachment] of Object.entries(attach)) {
    schema[name] ??= { type: attachedType(attachment), nullable: true };
  }
  return schema;
}
