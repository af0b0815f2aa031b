import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tryView, type SampleLine } from '../../../src/stream/try-view.ts';
import { entity, featureView, nullable, number, source, string, timestamp } from '../../../src/index.ts';
import { naiveFeatures } from '../../support/naive-features.ts';

const payments = source({
  name: 'payments',
  schema: { id: string(), card: nullable(string()), amount: nullable(number()), at: timestamp() },
  id: 'id',
  eventTime: 'at',
  knownTime: 'carried',
  clockSkew: '5m',
  dedupeWindow: '1h',
});

const cards = featureView({
  name: 'cards',
  entity: entity({ name: 'card', keys: ['card'] }),
  source: payments,
  features: (a) => ({
    count: a.count({ window: '1h' }),
    mean: a.mean('amount', { window: '3h' }),
    last: a.last('amount', { window: '3h' }),
    large: a.count({ window: '1h', where: { amount: { gte: 50 } } }),
  }),
});

const START = Date.UTC(2024, 0, 1);
const MINUTE_MS = 60_000;

const line = (value: unknown, at: number): SampleLine => ({
  line: at + 1,
  text: typeof value === 'string' ? value : JSON.stringify(value),
});
const linesOf = (...values: unknown[]): SampleLine[] => values.map(line);
const payment = (id: string, minute: number, over: object = {}) => ({
  id,
  card: 'a',
  amount: 10,
  at: START + minute * MINUTE_MS,
  ...over,
});

describe('trying a view', () => {
  it('gives each key what the naive features are, as of the end and after each event', () => {
    const event = fc.record({
      card: fc.constantFrom('a', 'b'),
      amount: fc.option(fc.integer({ min: 0, max: 100 })),
      minute: fc.integer({ min: 0, max: 400 }),
      late: fc.integer({ min: 0, max: 90 }),
    });
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 25 }), (events) => {
        const sent = events
          .map(({ card, amount, minute, late }, n) => ({
            payload: { id: `p${n}`, card, amount, at: START + minute * MINUTE_MS },
            knownTime: START + (minute + late) * MINUTE_MS,
          }))
          .sort((a, b) => a.knownTime - b.knownTime);
        const lines = sent.map((one, n) => line({ source: 'payments', id: one.payload.id, ...one }, n));
        const tried = tryView(cards, lines, { each: true });
        const known = sent.map(({ payload, knownTime }) => ({ effectiveTime: payload.at, knownTime, row: payload }));
        const asOf = tried.asOf ?? 0;
        expect(asOf).toBe(Math.max(...sent.map(({ knownTime }) => knownTime)));
        for (const { key, values } of tried.keys) {
          const own = known.filter(({ row }) => row.card === key);
          expect(Object.entries(values)).toEqual(Object.entries(naiveFeatures(cards, own, asOf)));
        }
        expect(tried.steps).toHaveLength(sent.length);
        for (const [n, { key, changed, knownTime }] of tried.steps.entries()) {
          const own = known.slice(0, n + 1).filter(({ row }) => row.card === key);
          expect(naiveFeatures(cards, own, knownTime)).toMatchObject(changed);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('names each dead letter with its line and cause, and counts what it leaves out', () => {
    const tried = tryView(
      cards,
      linesOf(
        payment('p1', 0),
        payment('p1', 10),
        payment('p2', 20, { card: null }),
        payment('p3', 30, { amount: 'much' }),
        'not json',
        { source: 'payments', id: 'p4', knownTime: '2024-01-01T00:00:00Z', payload: payment('p4', 60) },
        { source: 'refunds', id: 'r1', knownTime: START, payload: {} },
        payment('p5', 120),
      ),
      { asOf: START + 60 * MINUTE_MS },
    );
    expect(tried.events).toEqual({ taken: 3, others: 1, duplicates: 1, withoutKey: 1, later: 1 });
    expect(tried.deadLetters.map(({ line: at, code }) => [at, code])).toEqual([
      [4, 'STREAM_EVENT_INVALID'],
      [5, 'STREAM_EVENT_MALFORMED'],
      [6, 'STREAM_EVENT_EARLY'],
    ]);
    expect(tried.keys).toEqual([
      { key: 'a', stale: false, values: { count: 1, mean: 10, last: 10, large: 0 } },
    ]);
  });

  it('reads one key alone, also one that no event has; without an event there is nothing to read', () => {
    const lines = linesOf(payment('p1', 0), payment('p2', 1, { card: 'b' }));
    expect(tryView(cards, lines, { key: ['b'] }).keys.map(({ key }) => key)).toEqual(['b']);
    expect(tryView(cards, lines, { key: ['c'] }).keys).toEqual([
      { key: 'c', stale: false, values: { count: 0, mean: null, last: null, large: 0 } },
    ]);
    expect(() => tryView(cards, lines, { key: ['a', 'b'] })).toThrow("expected the key of entity 'card' as 1 text (card) without NUL, found 2. Give its values in that order.");
    expect(tryView(cards, [])).toMatchObject({ asOf: null, keys: [], deadLetters: [] });
  });

  it('applies the contract of the view on ages', () => {
    const view = { ...cards, maxAge: '30m', onStale: 'null' } as const;
    const tried = tryView(view, linesOf(payment('p1', 0)), { asOf: START + 45 * MINUTE_MS });
    expect(tried.keys).toEqual([
      { key: 'a', stale: true, values: { count: null, mean: null, last: null, large: null } },
    ]);
  });
});
