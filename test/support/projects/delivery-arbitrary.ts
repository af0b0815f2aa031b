import fc from 'fast-check';
import type { Schema } from '../../../src/define/field.ts';
import { HOUR_MS, START_MS } from '../../property/fold/history-arbitrary.ts';

/** One message as a sender gave it to the source's topic. */
export interface Delivery {
  /** Within its history. */
  readonly sourcePartition: number;
  readonly knownTime: number;
  readonly payload: Readonly<Record<string, unknown>>;
}

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

const numbersOf = (sort: NumberSort): fc.Arbitrary<number> =>
  sort === 'plain' ? decimal : fc.constantFrom(...{ hard, tied, huge }[sort]);

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
    const text = fc.constantFrom('NO', "D'E\\", 'FR', '');
    return nullable ? fc.option(text) : text;
  },
  boolean: (nullable: boolean) => (nullable ? fc.option(fc.boolean()) : fc.boolean()),
  timestamp: () => fc.option(happened.map((at) => START_MS + at)),
} as const;

/** A fresh event without its id and times. */
function fields(schema: Schema, numbers: fc.Arbitrary<number>): fc.Arbitrary<Record<string, unknown>> {
  const own = Object.entries(schema).filter(
    ([name]) => !['id', 'at', 'card', 'shop', 'select'].includes(name),
  );
  return fc.record({
    card: fc.constantFrom('a', 'b', 'ü'),
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

/** What may be sent: a fresh event, or one of those before again. A retraction of one is a third sort. */
const sent = (schema: Schema, numbers: fc.Arbitrary<number>) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ fresh: fields(schema, numbers), at: happened, delay }) },
    // Within the dedupe window it is dropped; after it the id is a new event.
    {
      weight: 1,
      arbitrary: fc.record({ again: fc.nat(), laterMs: fc.integer({ min: 0, max: 2 * DAY_MS }) }),
    },
  );

export interface DeliveryOptions {
  /** Sorts of numbers that may be drawn. */
  readonly sorts: readonly NumberSort[];
  readonly eventsMax: number;
}

/** What senders sent to one source, in the order of offsets within each partition. */
export const deliveriesArbitrary = (
  schema: Schema,
  { sorts, eventsMax }: DeliveryOptions,
): fc.Arbitrary<Delivery[]> =>
  fc
    .constantFrom(...sorts)
    .chain((sort) =>
      fc.record({
        drawn: fc.array(sent(schema, numbersOf(sort)), { maxLength: eventsMax, size: 'max' }),
        partitions: fc.array(fc.nat({ max: PARTITIONS_A_HISTORY - 1 }), { minLength: 1, maxLength: 7 }),
        // Moves a history across the epoch, where a tile's floor is not its quotient.
        moved: fc.constantFrom(0, 0, START_MS + 40 * HOUR_MS),
      }),
    )
    .map(({ drawn, partitions, moved }) => {
      const deliveries: Delivery[] = [];
      drawn.forEach((one, i) => {
        if ('again' in one) {
          const before = deliveries[one.again % Math.max(1, deliveries.length)];
          if (before !== undefined) deliveries.push({ ...before, knownTime: before.knownTime + one.laterMs });
          return;
        }
        const at = START_MS + one.at - moved;
        const paidAt = one.fresh['paidAt'];
        const timestamps = typeof paidAt === 'number' ? { paidAt: paidAt - moved } : {};
        deliveries.push({
          sourcePartition: partitions[i % partitions.length] ?? 0,
          knownTime: at + one.delay,
          payload: { ...one.fresh, ...timestamps, id: `e${i}`, at },
        });
      });
      return deliveries;
    });
