import { describe, expect, it } from 'vitest';
import { cardView, HOUR_MS, MINUTE_MS, OneKey, START_MS } from '../../support/fold/payments.ts';

const all = cardView((a) => ({
  count: a.count({ window: '1h' }),
  sum: a.sum('amount', { window: '1h' }),
  mean: a.mean('fee', { window: '1h' }),
  min: a.min('amount', { window: '1h' }),
  max: a.max('amount', { window: '1h' }),
  variance: a.variance('amount', { window: '1h' }),
  stddev: a.stddev('amount', { window: '1h' }),
  skewness: a.skewness('amount', { window: '1h' }),
  first: a.first('fee', { window: '1h' }),
  last: a.last('fee', { window: '1h' }),
  decayedCount: a.decayedCount({ window: '1h', halfLife: '1m' }),
  decayedSum: a.decayedSum('amount', { window: '1h', halfLife: '1m' }),
  decayedMean: a.decayedMean('amount', { window: '1h', halfLife: '1m' }),
  since: a.timeSinceLast({ window: '1h' }),
  distinct: a.approxDistinct('country', { window: '1h' }),
  median: a.approxQuantile('amount', { window: '1h', q: 0.5 }),
}));

describe('aggregations', () => {
  it('are null without events, only a count is 0, decayed or distinct or not', () => {
    const names = Object.keys(all.features);
    const empty = {
      ...Object.fromEntries(names.map((name) => [name, NaN])),
      count: 0,
      decayedCount: 0,
      distinct: 0,
    };
    expect(new OneKey(all).read(0)).toEqual(empty);
    expect(new OneKey(all).add(0, { fee: 2 }).read(3 * HOUR_MS)).toEqual(empty);
  });

  it('give what their names say', () => {
    const key = new OneKey(all)
      .add(0, { amount: 2, fee: 1, country: 'NO' })
      .add(MINUTE_MS, { amount: 4, fee: 4 })
      .add(2 * MINUTE_MS, { amount: 4, country: 'SE' })
      .add(3 * MINUTE_MS, { amount: 6, fee: 1, country: 'NO' });
    expect(key.read(5 * MINUTE_MS)).toEqual({
      count: 4,
      sum: 16,
      mean: 2,
      min: 2,
      max: 6,
      variance: 2,
      stddev: Math.SQRT2,
      skewness: 0,
      first: 1,
      last: 1,
      decayedCount: 2 ** -5 + 2 ** -4 + 2 ** -3 + 2 ** -2,
      decayedSum: 2 * 2 ** -5 + 4 * 2 ** -4 + 4 * 2 ** -3 + 6 * 2 ** -2,
      decayedMean: (2 + 4 * 2 + 4 * 4 + 6 * 8) / (1 + 2 + 4 + 8),
      since: 120,
      distinct: 2,
      median: expect.closeTo(4, 1) as number,
    });
  });

  it('skip nulls: a sum, a mean and a last look only at values', () => {
    const key = new OneKey(all).add(0, { fee: 5 }).add(MINUTE_MS, { fee: null });
    expect(key.read(MINUTE_MS)).toMatchObject({ count: 2, mean: 5, last: 5, since: 0 });
  });

  it('count booleans as 0 and 1', () => {
    const view = cardView((a) => ({
      share: a.mean('online', { window: '1h' }),
      last: a.last('online', { window: '1h' }),
    }));
    const key = new OneKey(view).add(0, { online: true }).add(1, { online: false }).add(2);
    expect(key.read(3)).toEqual({ share: 0.5, last: 0 });
  });

  it('take instants as milliseconds since the epoch', () => {
    const view = cardView((a) => ({ settled: a.max('settledAt', { window: '1h' }) }));
    expect(new OneKey(view).add(0, { settledAt: START_MS + 7 }).read(1)).toEqual({ settled: START_MS + 7 });
  });

  it('decide a last by event time, then known time, then the greater value, whatever came last', () => {
    const view = cardView((a) => ({ last: a.last('amount', { window: '1h' }) }));
    const lastOf = (...events: [number, number, number][]) => {
      const key = new OneKey(view);
      for (const [eventTime, knownTime, amount] of events) key.add(eventTime, { amount }, knownTime);
      return key.read(10)['last'];
    };
    const pairs: [number, number, number][][] = [
      [[9, 9, 1], [5, 9, 2]],
      [[5, 8, 1], [5, 7, 2]],
      [[5, 7, 1], [5, 7, 0]],
    ]; // prettier-ignore
    for (const [winner, loser] of pairs) {
      expect([lastOf(winner!, loser!), lastOf(loser!, winner!)]).toEqual([1, 1]);
    }
  });

  it('decide a first by event time, then known time, then the smaller value, whatever came first', () => {
    const view = cardView((a) => ({ first: a.first('amount', { window: '1h' }) }));
    const firstOf = (...events: [number, number, number][]) => {
      const key = new OneKey(view);
      for (const [eventTime, knownTime, amount] of events) key.add(eventTime, { amount }, knownTime);
      return key.read(10)['first'];
    };
    const pairs: [number, number, number][][] = [
      [[5, 9, 1], [9, 9, 0]],
      [[5, 7, 1], [5, 8, 0]],
      [[5, 7, 1], [5, 7, 2]],
    ]; // prettier-ignore
    for (const [winner, loser] of pairs) {
      expect([firstOf(winner!, loser!), firstOf(loser!, winner!)]).toEqual([1, 1]);
    }
  });

  it('keep the newest values, newest first, each a feature of its own', () => {
    const view = cardView((a) => ({ fees: a.lastN('fee', { window: '1h', n: 3 }) }));
    const key = new OneKey(view)
      .add(2 * MINUTE_MS, { fee: 3 })
      .add(0, { fee: 1 })
      .add(5 * MINUTE_MS);
    expect(key.read(10 * MINUTE_MS)).toEqual({ fees_1: 3, fees_2: 1, fees_3: NaN });
    key.add(2 * MINUTE_MS, { fee: 2 }).add(3 * MINUTE_MS, { fee: 0 });
    expect(key.read(10 * MINUTE_MS)).toEqual({ fees_1: 0, fees_2: 3, fees_3: 2 });
    expect(key.read(62 * MINUTE_MS)).toEqual({ fees_1: 0, fees_2: 3, fees_3: 2 });
    expect(key.read(63 * MINUTE_MS)).toEqual({ fees_1: 0, fees_2: NaN, fees_3: NaN });
  });

  it('keep equal newest values as many times as they came', () => {
    const view = cardView((a) => ({ fees: a.lastN('fee', { window: '1h', n: 3 }) }));
    const key = new OneKey(view).add(0, { fee: 7 }).add(0, { fee: 7 });
    expect(key.read(1)).toEqual({ fees_1: 7, fees_2: 7, fees_3: NaN });
  });

  it('fall apart into the listed categories of a field', () => {
    const view = cardView((a) => ({
      n: a.count({ window: '1h', bucketBy: { field: 'country', values: ['NO', 'SE'] } }),
      sum: a.sum('amount', { window: '1h', bucketBy: { field: 'country', values: ['NO', 'SE', 'DK'] } }),
    }));
    const key = new OneKey(view);
    for (const country of ['NO', 'SE', 'NO', 'DE', null]) key.add(0, { country, amount: 2 });
    expect(key.read(1)).toEqual({ n_NO: 2, n_SE: 1, sum_NO: 4, sum_SE: 2, sum_DK: NaN });
  });

  it('weigh events by their age: a half after each half-life, whatever its length and the order of arrival', () => {
    const decayedOf = (halfLife: '1s' | '1m' | '365d', hop: '1h' | '30d', ...minutes: number[]) => {
      const view = cardView((a) => ({
        n: a.decayedCount({ window: '30d', hop, halfLife }),
        mean: a.decayedMean('amount', { window: '30d', hop, halfLife }),
      }));
      const key = new OneKey(view);
      for (const minute of minutes) key.add(minute * MINUTE_MS, { amount: minute });
      return key.read(600 * MINUTE_MS);
    };
    expect(decayedOf('1m', '1h', 598, 599, 600)).toEqual({ n: 1.75, mean: (598 + 2 * 599 + 4 * 600) / 7 });
    expect(decayedOf('1m', '30d', 600, 598, 599)).toEqual({ n: 1.75, mean: (598 + 2 * 599 + 4 * 600) / 7 });
    // All weights but their ratios are under what a double can hold.
    expect(decayedOf('1s', '30d', 10, 0, 10)).toEqual({ n: 0, mean: 10 });
    expect(decayedOf('1s', '1h', 600, 0)).toEqual({ n: 1, mean: 600 });
    expect(decayedOf('365d', '1h', 0)['n']).toBeCloseTo(2 ** (-600 / 525_600), 15);
  });

  it('weigh nothing more than 1, also where the state is ahead of the read', () => {
    const view = cardView((a) => ({ n: a.decayedCount({ window: '1d', hop: '1d', halfLife: '1s' }) }));
    expect(
      new OneKey(view)
        .add(20 * HOUR_MS)
        .add(0)
        .read(1),
    ).toEqual({ n: 1 });
  });

  it('combine two of one view, each over its own window and condition', () => {
    const view = cardView((a) => ({
      n: a.count({ window: '1h' }),
      online: a.ratio(a.count({ window: '1h', where: { online: true } }), a.count({ window: '24h' })),
      fee: a.ratio(a.sum('amount', { window: '1h' }), a.sum('fee', { window: '24h' })),
      trend: a.difference(a.mean('amount', { window: '1h' }), a.mean('amount', { window: '24h' })),
    }));
    const key = new OneKey(view);
    expect(key.read(0)).toEqual({ n: 0, online: NaN, fee: NaN, trend: NaN });
    key.add(0, { amount: 8, online: true });
    // The sum of no fees is null, and so is what is divided by it.
    expect(key.read(0)).toEqual({ n: 1, online: 1, fee: NaN, trend: 0 });
    key.add(2 * HOUR_MS, { amount: 2, fee: 0 });
    expect(key.read(2 * HOUR_MS)).toEqual({ n: 1, online: 0, fee: NaN, trend: -3 });
    key.add(2 * HOUR_MS, { amount: 2, fee: 0.5, online: true });
    expect(key.read(2 * HOUR_MS)).toEqual({ n: 2, online: 1 / 3, fee: 8, trend: -2 });
    expect(key.read(12 * HOUR_MS)).toEqual({ n: 0, online: 0, fee: NaN, trend: NaN });
  });

  it('leave nothing of the difference of equal means, however their sums round', () => {
    const view = cardView((a) => ({
      trend: a.difference(a.mean('amount', { window: '1h' }), a.mean('amount', { window: '24h' })),
    }));
    const key = new OneKey(view);
    for (const hour of [0, 2, 4]) key.add(hour * HOUR_MS, { amount: 0.1 });
    expect(key.read(4 * HOUR_MS)).toEqual({ trend: 0 });
  });

  it('count different texts, numbers and instants over every window of a hop, also after tiles were dropped', () => {
    const view = cardView((a) => ({
      texts: a.approxDistinct('country', { window: '1h' }),
      texts_3h: a.approxDistinct('country', { window: '3h', hop: '1m', where: { online: true } }),
      numbers: a.approxDistinct('amount', { window: '3h', hop: '1m' }),
      instants: a.approxDistinct('settledAt', { window: 'lifetime' }),
      share: a.ratio(a.approxDistinct('amount', { window: '1h' }), a.count({ window: '1h' })),
    }));
    const key = new OneKey(view);
    for (let minute = 0; minute < 600; minute += 10) {
      key.add(minute * MINUTE_MS, {
        country: `c${minute % 50}`,
        online: true,
        amount: minute % 40,
        settledAt: START_MS + minute,
      });
      // A late one, which makes a tile between others.
      key.add((minute - 5) * MINUTE_MS, { country: 'late', amount: minute % 40 }, minute * MINUTE_MS);
    }
    expect(key.read(590 * MINUTE_MS)).toEqual({
      texts: 6,
      texts_3h: 5,
      numbers: 4,
      instants: 60,
      share: 4 / 13,
    });
    expect(key.state.runs[0]!.sketches).toHaveLength(key.state.runs[0]!.count);
    expect(key.read(655 * MINUTE_MS)).toMatchObject({ texts: 0, numbers: 4 });
  });

  it('give several quantiles of one field from one sketch', () => {
    const view = cardView((a) => ({
      least: a.approxQuantile('amount', { window: '24h', q: 0 }),
      p90: a.approxQuantile('amount', { window: '24h', q: 0.9 }),
      most: a.approxQuantile('amount', { window: '24h', q: 1 }),
    }));
    const key = new OneKey(view);
    for (let i = 0; i <= 1_000; i++) key.add(i * MINUTE_MS, { amount: (i * 17) % 1_001 });
    const { least, p90, most } = key.read(1_000 * MINUTE_MS) as { least: number; p90: number; most: number };
    expect(least).toBe(0);
    expect(Math.abs(p90 / 900 - 1)).toBeLessThanOrEqual(0.01);
    expect(Math.abs(most / 1_000 - 1)).toBeLessThanOrEqual(0.01);
    expect(key.program.resolutions.map(({ slotCount, sketches }) => [slotCount, sketches.length])).toEqual([
      [0, 1],
    ]);
  });

  it('keep the small beside the large: sums do not lose what a double would', () => {
    const view = cardView((a) => ({
      sum: a.sum('amount', { window: '1h' }),
      mean: a.mean('amount', { window: '1h' }),
    }));
    const key = new OneKey(view);
    for (const [i, amount] of [1e16, 1, -1e16, 2].entries()) key.add(i * MINUTE_MS, { amount });
    expect(key.read(10 * MINUTE_MS)).toEqual({ sum: 3, mean: 0.75 });
  });

  it('have no deviation where all values are equal, however their squares round', () => {
    const view = cardView((a) => ({ stddev: a.stddev('amount', { window: '1h' }) }));
    const key = new OneKey(view);
    for (let i = 0; i < 7; i++) key.add(i * MINUTE_MS, { amount: 0.1 });
    expect(key.read(10 * MINUTE_MS)).toEqual({ stddev: 0 });
  });

  it('have a skewness where values differ, by the sign of the longer tail', () => {
    const view = cardView((a) => ({ skewness: a.skewness('amount', { window: '1h' }) }));
    const skewnessOf = (...amounts: number[]) => {
      const key = new OneKey(view);
      amounts.forEach((amount, i) => key.add(i, { amount }));
      return key.read(10)['skewness'];
    };
    expect(skewnessOf(1, 1, 4)).toBeCloseTo(Math.SQRT1_2, 15);
    expect(skewnessOf(-1, -1, -4)).toBeCloseTo(-Math.SQRT1_2, 15);
    // Symmetrical about a mean that no double holds.
    expect(skewnessOf(0.1, 0.2, 0.3)).toBeCloseTo(0, 15);
    expect(skewnessOf(0, 0.5, 1)).toBe(0);
    expect(skewnessOf(0.1, 0.1, 0.1)).toBe(NaN);
    expect(skewnessOf(1e8, 1e8 + 1)).toBe(NaN);
    expect(skewnessOf(5)).toBe(NaN);
  });

  it('resolve a deviation that is small beside its mean', () => {
    const view = cardView((a) => ({ stddev: a.stddev('amount', { window: '1h' }) }));
    const key = new OneKey(view).add(0, { amount: 1e8 }).add(1, { amount: 1e8 + 0.25 });
    expect(key.read(10)).toEqual({ stddev: 0.125 });
  });

  it('never give a negative time since the last event, also where the state is ahead of the read', () => {
    const view = cardView((a) => ({ since: a.timeSinceLast({ window: '1h' }) }));
    expect(new OneKey(view).add(30_000).read(10_000)).toEqual({ since: 0 });
  });
});
