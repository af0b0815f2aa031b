import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  boolean,
  derivedSource,
  entity,
  featureView,
  nullable,
  number,
  project,
  source,
  string,
  timestamp,
  type Source,
} from '../../../../src/index.ts';
import { validateProject } from '../../../../src/define/validate-project.ts';
import type { Postgres } from '../../../../src/infra/postgres.ts';
import { ValueAttacher } from '../../../../src/store/derived/attach-values.ts';
import { keyedAsOfLimitsDefault, type KeyedAsOfLimits } from '../../../../src/store/derived/keyed-as-of.ts';
import { keyIndexesOf } from '../../../../src/store/derived/key-index.ts';
import { readOriginals } from '../../../../src/store/derived/read-originals.ts';
import { createLogTableSql, logTable } from '../../../../src/store/log-table.ts';
import { appendEvents, type LoggedEvent } from '../../../../src/store/offline-log.ts';
import { roundedRow } from '../../../support/naive/float32.ts';
import { naiveAttached, type NaiveLogged } from '../../../support/naive/naive-derived.ts';
import { testScale } from '../../../support/projects/test-scale.ts';
import { openRegistryStage, type RegistryStage } from '../../../support/registry-stage.ts';

const TIMEOUT_MS = 120_000 * Math.max(1, testScale);
const PARTITIONS = 2;
const START_MS = Date.UTC(2024, 1, 28);
const MINUTE_MS = 60_000;
const BATCH_ROWS = 7;

/** Keys that an index can't tell apart, one that is no row's, and one with a quote. */
const LONG = 'ü'.repeat(64);
const SHOPS = ['a', "o'b", `${LONG}1`, `${LONG}2`] as const;
const CARDS = ['x', 'y', `${LONG}x`] as const;

const payments = source({
  name: 'payment',
  schema: {
    id: string(),
    at: timestamp(),
    card: nullable(string()),
    shop: nullable(string()),
    amount: number(),
    note: nullable(string()),
  },
  id: 'id',
  eventTime: 'at',
  partitions: PARTITIONS,
});
const profiles = source({
  name: 'shop_profile',
  schema: {
    id: string(),
    at: timestamp(),
    shopId: nullable(string()),
    town: nullable(string()),
    rating: nullable(number()),
    open: boolean(),
    since: nullable(timestamp()),
  },
  id: 'id',
  eventTime: 'at',
  partitions: PARTITIONS,
});
const cards = featureView({
  name: 'cards',
  entity: entity({ name: 'card', keys: ['card'] }),
  source: payments,
  features: (a) => ({
    count: a.count({ window: '5m' }),
    sum: a.sum('amount', { window: '1h' }),
    ever: a.count({ window: 'lifetime', where: { card: 'x' } }),
    last: a.lastN('amount', { window: '1h', n: 2 }),
    shops: a.approxDistinct('shop', { window: '1h' }),
  }),
});
const shopCards = featureView({
  name: 'shop_cards',
  entity: entity({ name: 'shop_card', keys: ['shop', 'card'] }),
  source: payments,
  features: (a) => ({ mean: a.mean('amount', { window: '10m' }) }),
  maxAge: '3m',
  onStale: 'refuse',
});
const everything = featureView({
  name: 'everything',
  entity: entity({ name: 'all', keys: [] }),
  source: profiles,
  features: (a) => ({ rows: a.count({ window: 'lifetime' }), best: a.max('rating', { window: '2m' }) }),
  ttl: '20m',
});
const derived = derivedSource({
  name: 'enriched_payment',
  from: payments,
  carry: ['amount', 'note'],
  attach: (a) => ({
    town: a.latest(profiles, 'town', { by: { shopId: 'shop' } }),
    rating: a.latest(profiles, 'rating', { by: { shopId: 'shop' } }),
    open: a.latest(profiles, 'open', { by: { shopId: 'shop' } }),
    since: a.latest(profiles, 'since', { by: { shopId: 'shop' } }),
    same_town: a.latest(profiles, 'id', { by: { shopId: 'shop', town: 'note' } }),
    count: a.feature(cards, 'count'),
    sum: a.feature(cards, 'sum'),
    ever: a.feature(cards, 'ever'),
    before: a.feature(cards, 'last_2'),
    shops: a.feature(cards, 'shops'),
    mean: a.feature(shopCards, 'mean'),
    rows: a.feature(everything, 'rows'),
    best: a.feature(everything, 'best'),
  }),
});
const derivation = derived.derivation;
const sources: readonly Source[] = [payments, profiles];

interface Drawn {
  readonly of: Source;
  readonly partition: number;
  readonly at: number;
  readonly delay: number;
  readonly row: Record<string, string | number | boolean | null>;
}

const times = {
  partition: fc.nat({ max: PARTITIONS - 1 }),
  // Few moments, so that they collide.
  at: fc.oneof(
    fc.integer({ min: 0, max: 1 }).map((n) => n * MINUTE_MS),
    fc.integer({ min: 0, max: 8 }).map((n) => n * MINUTE_MS),
    fc.integer({ min: 0, max: 90 * MINUTE_MS }),
  ),
  delay: fc.oneof(
    fc.constant(0),
    fc.integer({ min: 0, max: 4 }).map((n) => n * MINUTE_MS),
    fc.integer({ min: 0, max: 80 * MINUTE_MS }),
  ),
};
const orNull = <T>(one: fc.Arbitrary<T>) => fc.option(one, { freq: 5 });
const amount = fc.integer({ min: -1_000, max: 1_000 }).map((n) => n / 8);
const payment = fc.record({
  ...times,
  of: fc.constant(payments),
  row: fc.record({
    card: orNull(fc.constantFrom(...CARDS)),
    shop: orNull(fc.constantFrom('a', 'a', 'a', ...SHOPS, 'never')),
    amount,
    note: orNull(fc.constantFrom('Oslo', 'Bergen')),
  }),
});
const profile = fc.record({
  ...times,
  of: fc.constant(profiles),
  row: fc.record({
    // Most rows are of one shop, so that there are ties.
    shopId: orNull(fc.constantFrom('a', 'a', 'a', ...SHOPS)),
    town: orNull(fc.constantFrom('Oslo', 'Bergen')),
    rating: orNull(amount),
    open: fc.boolean(),
    since: orNull(fc.integer({ min: -1e9, max: 1e12 })),
  }),
});
/** Events as they come into the logs; null: what is there is derived. */
const story = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: payment },
    { weight: 3, arbitrary: profile },
    { weight: 1, arbitrary: fc.constant(null) },
  ),
  { minLength: 5, maxLength: 60, size: 'max' },
);
/** With few, states are dropped and read again. */
const limits = fc.constantFrom(keyedAsOfLimitsDefault, { statesMax: 1, lateRowsMax: 1_000 }, { statesMax: 1_000, lateRowsMax: 0 });

class DerivedWorld {
  readonly log: NaiveLogged[] = [];
  readonly #postgres: Postgres;
  readonly #attacher: ValueAttacher;
  readonly #ends = new Map<string, number>();
  #positions = new Map(Array.from({ length: PARTITIONS }, (_, partition) => [partition, 0]));
  derived = 0;

  constructor(postgres: Postgres, limits: KeyedAsOfLimits) {
    this.#postgres = postgres;
    this.#attacher = new ValueAttacher(derivation, limits);
  }

  async append({ of, partition, at, delay, row }: Drawn): Promise<void> {
    const slot = `${of.name}/${partition}`;
    const sourceOffset = this.#ends.get(slot) ?? 0;
    // Duplicates and dead letters leave gaps between the offsets.
    this.#ends.set(slot, sourceOffset + 1 + (sourceOffset % 3));
    const eventTime = START_MS + at;
    const knownTime = eventTime + delay;
    const full = { ...row, id: `${slot}/${sourceOffset}`, at: eventTime };
    const event: LoggedEvent = {
      sourcePartition: partition,
      sourceOffset,
      eventTime,
      effectiveTime: eventTime,
      knownTime,
      row: full,
    };
    await this.#postgres.transaction(async (tx) => {
      await appendEvents(tx, of, [event]);
      await tx.query(
        'UPDATE millrace.ingest_positions SET next_offset = $3 WHERE source = $1 AND partition = $2',
        [of.name, partition, this.#ends.get(slot) ?? 0],
      );
    });
    this.log.push({ source: of.name, partition, offset: sourceOffset, effectiveTime: eventTime, knownTime, row: full });
  }

  /** Derives all that is there and holds every value against the oracle. */
  async deriveAll(): Promise<void> {
    for (;;) {
      const { events, next } = await readOriginals(
        this.#postgres,
        payments,
        this.#attacher.plan.fields,
        this.#positions,
        new Map([...this.#positions.keys()].map((partition) => [partition, Number.MAX_SAFE_INTEGER])),
        BATCH_ROWS,
      );
      if (next.size === 0) return;
      const payloads = await this.#attacher.attach(this.#postgres, events);
      events.forEach(({ partition, offset, knownTime }, i) => {
        const original = this.log.find(
          (one) => one.source === 'payment' && one.partition === partition && one.offset === offset,
        );
        const { id, at, amount: paid, note } = original!.row;
        const attached = Object.entries(derivation.attach).map(([name, attachment]) => [
          name,
          naiveAttached(attachment, original!.row, knownTime, this.log),
        ]);
        expect(roundedRow(payloads[i]!), `payment ${partition}/${offset}`).toEqual(
          roundedRow({ id, at, amount: paid, note, ...Object.fromEntries(attached) } as Record<string, unknown>),
        );
      });
      this.derived += events.length;
      this.#positions = new Map([...this.#positions, ...next]);
    }
  }
}

describe('what is attached to derived events', () => {
  let stage: RegistryStage;
  beforeAll(async () => {
    expect(validateProject(project({ name: 'p', sources: [derived] }))).toEqual([]);
    stage = await openRegistryStage();
    for (const one of sources) {
      for (const statement of createLogTableSql(one)) await stage.postgres.query(statement);
    }
    for (const { sql } of keyIndexesOf(derived)) await stage.postgres.query(sql);
  });
  afterAll(() => stage.close());

  test(
    "equals the oracle's join over what the logs have: late rows, ties, nulls and missing ones",
    async () => {
      const { postgres } = stage;
      let derivedEvents = 0;
      await fc.assert(
        fc.asyncProperty(story, limits, async (steps, limited) => {
          await postgres.query(`TRUNCATE ${sources.map(({ name }) => logTable(name)).join(', ')}, millrace.ingest_positions`);
          for (const { name } of sources) {
            await postgres.query(
              'INSERT INTO millrace.ingest_positions (source, partition, next_offset) SELECT $1, n, 0 FROM generate_series(0, $2 - 1) AS n',
              [name, PARTITIONS],
            );
          }
          const world = new DerivedWorld(postgres, limited);
          for (const step of steps) await (step === null ? world.deriveAll() : world.append(step));
          await world.deriveAll();
          expect(world.derived).toBe(world.log.filter(({ source: of }) => of === 'payment').length);
          derivedEvents += world.derived;
        }),
        { numRuns: Math.ceil(40 * testScale) },
      );
      expect(derivedEvents).toBeGreaterThan(200);
    },
    TIMEOUT_MS,
  );
});
