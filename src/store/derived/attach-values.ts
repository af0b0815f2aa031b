import type { Derivation } from '../../define/derivation.ts';
import { entityKeyOf } from '../../define/entity.ts';
import type { Field, FieldValue } from '../../define/field.ts';
import { NUMBER_MAGNITUDE_MAX } from '../../fold/parse-row.ts';
import type { Postgres } from '../../infra/postgres.ts';
import { planAttachments, type AttachmentPlan } from './attachment-plan.ts';
import { KeyedAsOf, keyedAsOfLimitsDefault } from './keyed-as-of.ts';
import { readLatest } from './read-latest.ts';
import type { OriginalEvent } from './read-originals.ts';

/** Payload of a derived event. */
export type DerivedPayload = Readonly<Record<string, FieldValue<Field>>>;

/** Makes the payloads of a derived source's events. Keeps states of views between calls. */
export class ValueAttacher {
  readonly plan: AttachmentPlan;
  readonly #derivation: Derivation;
  readonly #reads: readonly KeyedAsOf[];

  constructor(derivation: Derivation, limits = keyedAsOfLimitsDefault) {
    this.#derivation = derivation;
    this.plan = planAttachments(derivation);
    this.#reads = this.plan.views.map(({ program }) => new KeyedAsOf(program, limits));
  }

  /** Payloads in the order of the events: what is carried, then what was known of the rest at each event's known time. */
  async attach(postgres: Postgres, events: readonly OriginalEvent[]): Promise<DerivedPayload[]> {
    const attached = events.map((): Record<string, FieldValue<Field>> => ({}));
    for (const read of this.plan.tables) {
      const found = await readLatest(postgres, read, events);
      read.fields.forEach(({ name }, f) => {
        found.forEach((values, i) => (attached[i]![name] = values?.[f] ?? null));
      });
    }
    const asOf = Float64Array.from(events, (event) => event.knownTime);
    for (const [v, { program, keyFields, features }] of this.plan.views.entries()) {
      const keys = events.map(({ row }) => entityKeyOf(keyFields, row));
      const values = await this.#reads[v]!.read(postgres, keys, asOf);
      const width = program.featureNames.length;
      for (const { name, feature } of features) {
        attached.forEach((payload, i) => (payload[name] = payloadNumber(values[i * width + feature]!)));
      }
    }
    return events.map(({ row }, i) => ({
      ...Object.fromEntries(this.#derivation.carry.map((name) => [name, row[name] ?? null])),
      ...Object.fromEntries(
        Object.keys(this.#derivation.attach).map((name) => [name, attached[i]![name] ?? null]),
      ),
    }));
  }
}

/** A payload's numbers are bounded, and what lies beyond is no number of any event. */
const payloadNumber = (value: number): number | null =>
  Math.abs(value) <= NUMBER_MAGNITUDE_MAX ? value + 0 : null;
