import type { Duration } from '../core/duration.ts';
import { CHANGE_ID, changeFields } from './change-fields.ts';
import type { FieldNames, Schema } from './field.ts';

/** A stream of raw events with a schema. */
export interface Source<Name extends string = string, S extends Schema = Schema> {
  readonly kind: 'source';
  readonly name: Name;
  readonly schema: S;
  /** Field that identifies an event: a redelivery carries the same. */
  readonly id: string;
  /** Field that says when it happened. */
  readonly eventTime: string;
  /** `broker`: the append time. `carried`: the header `millrace-known-time` where there is one, else the append time. */
  readonly knownTime: 'broker' | 'carried';
  /** How far the event time may lie after the known time before the event is a dead letter. */
  readonly clockSkew: Duration;
  /** How long, in known time, a second delivery of an id is dropped and counted. */
  readonly dedupeWindow: Duration;
  /** Partitions of the source's topic, fixed when it is created. */
  readonly partitions: number;
  /** There where messages carry changes of rows (`ChangeEnvelope`), which features follow; absent for events that stay. */
  readonly changes?: true;
}

export const SOURCE_PARTITIONS_DEFAULT = 4;
export const SOURCE_PARTITIONS_MAX = 512;

export function source<const Name extends string, const S extends Schema>(definition: {
  name: Name;
  schema: S;
  id: FieldNames<S, 'string'>;
  eventTime: FieldNames<S, 'timestamp'>;
  knownTime?: 'broker' | 'carried';
  clockSkew?: Duration;
  dedupeWindow?: Duration;
  partitions?: number;
  /**
   * Messages are changes of rows, `{ id, op, before, after }`, as change data capture makes them: an update or a delete takes
   * back what it replaced. `id` then names the field that tells one row from another.
   */
  changes?: boolean;
}): Source<Name, S> {
  const { changes, ...rest } = definition;
  return {
    kind: 'source',
    knownTime: 'broker',
    clockSkew: changes === true ? '0s' : '5m',
    dedupeWindow: '24h',
    partitions: SOURCE_PARTITIONS_DEFAULT,
    ...rest,
    // Absent, not false: a source of events stays the definition that it was. A field of the user's own is found by the checks.
    ...(changes === true ? { changes, schema: { ...changeFields, ...definition.schema } } : {}),
  };
}

/** Field by which a redelivery is known: the id of the event, or of the change. */
export const deliveryIdField = (source: Source): string =>
  source.changes === true ? CHANGE_ID : source.id;
