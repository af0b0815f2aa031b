import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { boolean, nullable, number, source, string, timestamp } from '../../../../src/index.ts';
import { scanEvents, type LogFilter, type LoggedEvent } from '../../../../src/store/offline-log.ts';
import { createLog, exportAll, ingest, openColdStage, prune, type ColdStage } from '../../../support/store/cold-stage.ts';

const START = Date.UTC(2024, 1, 28);
const PARTITIONS = 3;
const RUNS = 25;
const TIMEOUT_MS = 120_000;

const sourceOf = (index: number) =>
  source({
    name: `payment_${index}`,
    schema: {
      id: string(),
      at: timestamp(),
      amount: number(),
      'odd "name"': nullable(string()),
      online: nullable(boolean()),
      dueAt: nullable(timestamp()),
    },
    id: 'id',
    eventTime: 'at',
    dedupeWindow: '1m',
    partitions: PARTITIONS,
  });

const FIELDS = ['amount', 'odd "name"', 'online', 'dueAt', 'id'];

const oneEvent = fc.record({
  partition: fc.nat({ max: PARTITIONS - 1 }),
  /** Offsets that were dropped before it: redeliveries, dead letters. */
  gap: fc.nat({ max: 2 }),
  hours: fc.integer({ min: 0, max: 10 }),
  lateHours: fc.oneof(fc.constant(0), fc.nat({ max: 60 })),
  /** A replay carries the known time of its history. */
  carriedHours: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 100 }) }),
  // The driver sends -0 as 0 where events are few.
  amount: fc
    .oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(5e-324, 1.7e308, 0.1))
    .map((value) => value + 0),
  text: fc.option(fc.constantFrom('', "o'clock", 'ü — \u{1f600}', 'a\\b', '"q"')),
  online: fc.option(fc.boolean()),
  dueAt: fc.option(fc.constantFrom(0, -1, START, -62_135_596_800_000, 253_402_300_799_999)),
});

type Drawn = typeof oneEvent extends fc.Arbitrary<infer T> ? T : never;

const round = fc.record({
  events: fc.array(oneEvent, { maxLength: 25 }),
  exports: fc.boolean(),
  fileRowsMax: fc.constantFrom(1, 3, 7, 1_000),
  prunes: fc.nat({ max: 3 }),
});

const filters = fc.array(
  fc.record({
    order: fc.constantFrom<LogFilter['order'][]>('known', 'happened', 'offset', 'any'),
    knownTo: fc.option(fc.integer({ min: 0, max: 200 }), { nil: undefined }),
    knownAfter: fc.option(fc.integer({ min: -10, max: 150 }), { nil: undefined }),
    happenedTo: fc.option(fc.integer({ min: 0, max: 200 }), { nil: undefined }),
    sourcePartition: fc.option(fc.nat({ max: PARTITIONS - 1 }), { nil: undefined }),
    beforeOffset: fc.option(fc.nat({ max: 40 }), { nil: undefined }),
  }),
  { minLength: 6, maxLength: 6 },
);

let cold: ColdStage;
beforeAll(async () => {
  cold = await openColdStage();
});
afterAll(() => cold.close());

/** Places what was drawn at the end of the log. */
function place(events: readonly Drawn[], log: LoggedEvent[], hour: { at: number }): LoggedEvent[] {
  const placed = events.map((event): LoggedEvent => {
    hour.at += event.hours;
    const before = log.filter(({ sourcePartition }) => sourcePartition === event.partition).at(-1)?.sourceOffset ?? -1;
    const knownTime = START + (hour.at - event.carriedHours) * 3_600_000;
    const effectiveTime = knownTime - event.lateHours * 3_600_000;
    const logged = {
      sourcePartition: event.partition,
      sourceOffset: before + 1 + event.gap,
      eventTime: effectiveTime,
      effectiveTime,
      knownTime,
      row: {
        id: `${event.partition}/${before + 1 + event.gap}`,
        at: effectiveTime,
        amount: event.amount,
        'odd "name"': event.text,
        online: event.online,
        dueAt: event.dueAt,
      },
    };
    log.push(logged);
    return logged;
  });
  return placed;
}

const orders: Readonly<Record<LogFilter['order'], ((event: LoggedEvent) => number)[]>> = {
  known: [(e) => e.knownTime, (e) => e.sourcePartition, (e) => e.sourceOffset],
  happened: [(e) => e.effectiveTime, (e) => e.sourcePartition, (e) => e.sourceOffset],
  offset: [(e) => e.sourcePartition, (e) => e.sourceOffset],
  any: [],
};
const byKeys = (keys: readonly ((event: LoggedEvent) => number)[]) => (a: LoggedEvent, b: LoggedEvent) =>
  keys.reduce((found, key) => found || key(a) - key(b), 0);

function naively(log: readonly LoggedEvent[], filter: LogFilter): LoggedEvent[] {
  return log
    .filter(
      (e) =>
        (filter.knownTo === undefined || e.knownTime <= filter.knownTo) &&
        (filter.knownAfter === undefined || e.knownTime > filter.knownAfter) &&
        (filter.happenedTo === undefined || e.effectiveTime <= filter.happenedTo) &&
        (filter.sourcePartition === undefined || e.sourcePartition === filter.sourcePartition) &&
        (filter.beforeOffset === undefined || e.sourceOffset < filter.beforeOffset),
    )
    .map((event) => ({ ...event, row: Object.fromEntries(FIELDS.map((name) => [name, event.row[name] ?? null])) }))
    .sort(byKeys(orders[filter.order === 'any' ? 'offset' : filter.order]));
}

test(
  'a scan hands out every row once, in the order asked for, whatever part of the log was exported and pruned, and when',
  async () => {
    let index = 0;
    const seen = { cold: 0, both: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 5 }), filters, async (rounds, drawnFilters) => {
        const own = sourceOf(index++);
        await createLog(cold.db, own);
        const log: LoggedEvent[] = [];
        const hour = { at: 0 };
        for (const { events, exports, fileRowsMax, prunes } of rounds) {
          await ingest(cold.db, own, place(events, log, hour));
          if (exports) await exportAll(cold.db, own, { fileRowsMax });
          await prune(cold.db, own, { filesMax: prunes });
        }
        const [hot] = await cold.db.query<{ rows: number }>(`SELECT count(*)::int AS rows FROM log.${own.name}`);
        if ((hot?.rows ?? 0) < log.length) seen.cold++;
        if ((hot?.rows ?? 0) < log.length && (hot?.rows ?? 0) > 0) seen.both++;
        for (const drawn of drawnFilters) {
          const time = (hours: number | undefined) => (hours === undefined ? {} : START + hours * 3_600_000);
          const filter = Object.fromEntries(
            Object.entries(drawn).flatMap(([name, value]) => {
              if (value === undefined) return [];
              return [[name, /known|happened/.test(name) && name !== 'order' ? time(value as number) : value]];
            }),
          ) as unknown as LogFilter;
          const found: LoggedEvent[] = [];
          await scanEvents(cold.db, own, FIELDS, filter, (event) => found.push({ ...event, row: { ...event.row } }));
          if (filter.order === 'any') found.sort(byKeys(orders.offset));
          expect(found).toEqual(naively(log, filter));
        }
      }),
      { numRuns: RUNS },
    );
    // Else the splits that this is about were not drawn.
    expect(seen.both).toBeGreaterThan(0);
    expect(seen.cold).toBeGreaterThanOrEqual(seen.both);
  },
  TIMEOUT_MS,
);
