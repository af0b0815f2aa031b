import fc from 'fast-check';
import { changeFields } from '../../../src/define/change-fields.ts';
import type { Schema } from '../../../src/define/field.ts';
import type { Source } from '../../../src/define/source.ts';
import { LANDS } from '../../property/fold/aggregation-arbitrary.ts';
import { HOUR_MS, START_MS } from '../../property/fold/history-arbitrary.ts';
import { changesSent, type ChangeOrAgain } from './changes-sent.ts';
import { rowOf, type Delivery, type Place } from './delivery.ts';

export const PARTITIONS_A_HISTORY = 3;
/** As the source allows: how early an event may be. */
const SKEW_MS = 300_000;
const DAY_MS = 24 * HOUR_MS;

/** Decimal fractions, as payloads carry them: their sums are not exact in a double. */
const decimal = fc.integer({ min: -5_000_000, max: 5_000_000 }).map((thousandths) => thousandths / 1_000);

/** Numbers that are hard to add up: far apart, and both zeros. */
const hard = [-0, 0, 0.1, 1e-7, 2 ** 53 + 2, 1e15 + 0.5, 123_456_789.987, -1e-30, 1e-30];
/** Halves of a float32's last bit, which a weight that is rounded to a double, as a decayed one is, may tip. */
const tied = [...hard, 16_777_217, 16_777_219, 2 ** 30 + 64];
/** The greatest that a source takes, whose squares leave the range of a float32, and some whose squares leave that of a double. */
const huge = [1e30, 9.9e29, 1e29, 0, 1e-40, 1e-200, 1e-300];

export type NumberSort = 'plain' | 'hard' | 'tied' | 'huge';

/** What lies below it is cut off where rows change, 2^-160. */
const SMALLEST_CHANGING = 1e-48;

function numbersOf(sort: NumberSort, { changes }: Source): fc.Arbitrary<number> {
  if (sort === 'plain') return decimal;
  const drawn = { hard, tied, huge }[sort];
  return fc.constantFrom(
    ...(changes === true ? drawn.filter((n) => n === 0 || Math.abs(n) >= SMALLEST_CHANGING) : drawn),
  );
}

/** Times that collide, times within an hour and times over days. */
const happened = fc.oneof(
  fc.integer({ min: 0, max: 10 }).map((n) => n * 300_000),
  fc.integer({ min: 0, max: HOUR_MS }),
  fc.integer({ min: 0, max: 80 * HOUR_MS }),
);

/** Prompt, a little late, very late, and early within the skew. */
const delay = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 0, max: 60_000 }),
  fc.integer({ min: 0, max: 30 * HOUR_MS }),
  fc.integer({ min: -SKEW_MS, max: 0 }),
);

const valueOf = {
  string: (nullable: boolean) => {
    const text = fc.constantFrom(...LANDS, 'FR');
    return nullable ? fc.option(text) : text;
  },
  boolean: (nullable: boolean) => (nullable ? fc.option(fc.boolean()) : fc.boolean()),
  timestamp: () => fc.option(happened.map((at) => START_MS + at)),
} as const;

/** A fresh event without its id and times. */
function fields(schema: Schema, numbers: fc.Arbitrary<number>): fc.Arbitrary<Record<string, unknown>> {
  const own = Object.entries(schema).filter(
    ([name]) => !['id', 'at', 'card', 'shop', 'select', ...Object.keys(changeFields)].includes(name),
  );
  return fc.record({
    card: fc.constantFrom('a', "b'\\\n", 'ü'),
    ...('shop' in schema ? { shop: fc.constantFrom('s1', 's2') } : {}),
    ...('select' in schema ? { select: fc.integer({ min: 0, max: 4 }) } : {}),
    ...Object.fromEntries(
      own.map(([name, { type, nullable }]): [string, fc.Arbitrary<unknown>] => {
        if (type === 'number') return [name, nullable ? fc.option(numbers) : numbers];
        return [name, valueOf[type](nullable)];
      }),
    ),
  });
}

/** What may be sent: a fresh event, or one of those before again; and where rows change, what one becomes, null where it is deleted. */
function sent({ schema, changes }: Source, numbers: fc.Arbitrary<number>): fc.Arbitrary<ChangeOrAgain> {
  const fresh = fc.record({ fresh: fields(schema, numbers), at: happened, delay });
  const becomes = fc.option(fc.record({ fresh: fields(schema, numbers), at: happened, keeps }), { freq: 3 });
  return fc.oneof(
    { weight: 6, arbitrary: fresh },
    // Within the dedupe window it is dropped; after it the id is a new event.
    { weight: 1, arbitrary: fc.record({ again: fc.nat(), laterMs: fc.integer({ min: 0, max: 2 * DAY_MS }) }) },
    ...(changes === true ? [{ weight: 7, arbitrary: fc.record({ row: fc.nat(), becomes, delay }) }] : []),
  );
}

/** What an update leaves as it was. */
const keeps = fc.constantFrom('key', 'time', 'both', 'neither');

export interface DeliveryOptions {
  /** Sorts of numbers that may be drawn. */
  readonly sorts: readonly NumberSort[];
  readonly eventsMax: number;
}

/** What senders sent to one source, in the order of offsets within each partition. */
export const deliveriesArbitrary = (
  source: Source,
  { sorts, eventsMax }: DeliveryOptions,
): fc.Arbitrary<Delivery[]> =>
  fc
    .constantFrom(...sorts)
    .chain((sort) =>
      fc.record({
        drawn: fc.array(sent(source, numbersOf(sort, source)), { maxLength: eventsMax, size: 'max' }),
        partitions: fc.array(fc.nat({ max: PARTITIONS_A_HISTORY - 1 }), { minLength: 1, maxLength: 7 }),
        // Moves a history across the epoch, where a tile's floor is not its quotient.
        moved: fc.constantFrom(0, 0, START_MS + 40 * HOUR_MS),
      }),
    )
    .map(({ drawn, partitions, moved }) => {
      const place = { partitions, moved };
      return source.changes === true ? changesSent(drawn, place) : eventsSent(drawn, place);
    });

function eventsSent(drawn: readonly ChangeOrAgain[], { partitions, moved }: Place): Delivery[] {
  const deliveries: Delivery[] = [];
  drawn.forEach((one, i) => {
    if ('again' in one) {
      const before = deliveries[one.again % Math.max(1, deliveries.length)];
      if (before !== undefined) deliveries.push({ ...before, knownTime: before.knownTime + one.laterMs });
    } else if ('fresh' in one) {
      const payload = rowOf(one, `e${i}`, moved);
      deliveries.push({
        sourcePartition: partitions[i % partitions.length] ?? 0,
        knownTime: payload.at + one.delay,
        payload,
      });
    }
  });
  return deliveries;
}
