import { describe, expect, it } from 'vitest';
import { compileView, prepareEvent, viewKeyOf } from '../../../src/fold/compile-view.ts';
import { entity, featureView, type FeatureView } from '../../../src/index.ts';
import { originDepartures } from '../../support/serving/tiny-project.ts';
import { card, cardView, payment, payments, START_MS } from '../../support/fold/payments.ts';

const inputsOf = (view: Parameters<typeof compileView>[0], row: Parameters<typeof prepareEvent>[1]) => {
  const program = compileView(view);
  const inputs = new Float64Array(program.inputCount);
  prepareEvent(program, row, inputs, 0);
  return [...inputs];
};

describe('a compiled view', () => {
  it('shares slots among features of one hop that need the same intermediate result', () => {
    const program = compileView(
      cardView((a) => ({
        count: a.count({ window: '1h' }),
        sum: a.sum('amount', { window: '1h' }),
        mean: a.mean('amount', { window: '1h' }),
        stddev: a.stddev('amount', { window: '1h' }),
      })),
    );
    // One count, one sum and one sum of squares, the sums as double-doubles.
    expect(program.resolutions.map((resolution) => resolution.slotCount)).toEqual([5]);
    expect(program.inputCount).toBe(2);
  });

  it('does not share what differs: a nullable field has its own count, and so has a condition', () => {
    const program = compileView(
      cardView((a) => ({
        count: a.count({ window: '1h' }),
        fee: a.sum('fee', { window: '1h' }),
        online: a.count({ window: '1h', where: { online: true } }),
      })),
    );
    expect(program.resolutions.map((resolution) => resolution.slotCount)).toEqual([5]);
  });

  it('makes the features of a group one after the other, from the same slots', () => {
    const program = compileView(
      cardView((a) => ({
        n: a.count({ window: '1h' }),
        fees: a.lastN('fee', { window: '1h', n: 4 }),
        last: a.last('fee', { window: '1h' }),
      })),
    );
    expect(program.featureNames).toEqual(['n', 'fees_1', 'fees_2', 'fees_3', 'fees_4', 'last']);
    expect(program.resolutions.map((resolution) => resolution.slotCount)).toEqual([1 + 4 * 3 + 3]);
  });

  it('takes buckets for conditions: the same inputs, slots and definition', () => {
    const short = cardView((a) => ({
      n: a.count({
        window: '1h',
        where: { online: true },
        bucketBy: { field: 'country', values: ['NO', 'SE'] },
      }),
      mean: a.mean('amount', { window: '1h', bucketBy: { field: 'country', values: ['NO'] } }),
    }));
    const long = cardView((a) => ({
      n_NO: a.count({ window: '1h', where: { online: true, country: 'NO' } }),
      n_SE: a.count({ window: '1h', where: { country: 'SE', online: { eq: true } } }),
      mean_NO: a.mean('amount', { window: '1h', where: { country: 'NO' } }),
    }));
    expect(compileView(short).definition).toEqual(compileView(long).definition);
    expect(compileView(short).definitionHash).toBe(compileView(long).definitionHash);
    expect(compileView(short).resolutions[0]?.slotCount).toBe(5);
  });

  it('shares no decay of another half-life, and tells them apart in its definition', () => {
    const decay = (halfLife: '1h' | '60m' | '2h') =>
      compileView(cardView((a) => ({ n: a.decayedCount({ window: '24h', halfLife }) })));
    expect(decay('60m').definitionHash).toBe(decay('1h').definitionHash);
    expect(decay('2h').definitionHash).not.toBe(decay('1h').definitionHash);
    const program = compileView(
      cardView((a) => ({
        sum: a.decayedSum('amount', { window: '24h', halfLife: '1h' }),
        mean: a.decayedMean('amount', { window: '24h', halfLife: '60m' }),
        other: a.decayedSum('amount', { window: '24h', halfLife: '2h' }),
      })),
    );
    expect(program.resolutions.map((resolution) => resolution.slotCount)).toEqual([9]);
  });

  it('shares the slots of a combination with features, and tells its parts in the definition', () => {
    const share = (where: { online: boolean }) =>
      compileView(
        cardView((a) => ({
          n: a.count({ window: '1h' }),
          share: a.ratio(a.count({ window: '1h', where }), a.count({ window: '1h' })),
        })),
      );
    const program = share({ online: true });
    expect(program.featureNames).toEqual(['n', 'share']);
    expect(program.resolutions.map((resolution) => resolution.slotCount)).toEqual([2]);
    expect(program.definitionHash).toBe(share({ online: true }).definitionHash);
    expect(program.definitionHash).not.toBe(share({ online: false }).definitionHash);
  });

  it('prepares a hash beside the number of the same field, and tells quantiles apart', () => {
    const view = cardView((a) => ({
      sum: a.sum('amount', { window: '1h' }),
      distinct: a.approxDistinct('amount', { window: '1h' }),
      countries: a.approxDistinct('country', { window: '1h' }),
    }));
    const [amount, , hash, country] = inputsOf(view, payment({ amount: 3, country: null }));
    expect([amount, country]).toEqual([3, NaN]);
    expect(hash).toBeGreaterThan(3);
    const at = (q: number) =>
      compileView(cardView((a) => ({ n: a.approxQuantile('amount', { window: '1h', q }) }))).definitionHash;
    expect(at(0.5)).not.toBe(at(0.9));
    expect(at(0.5)).toBe(at(0.5));
  });

  it('has one resolution per hop, windows ascending', () => {
    const program = compileView(
      cardView((a) => ({
        day: a.count({ window: '24h' }),
        three: a.count({ window: '3h', hop: '1m' }),
        hour: a.count({ window: '1h' }),
      })),
    );
    expect(
      program.resolutions.map(({ hopMs, windows }) => [
        hopMs / 60_000,
        windows.map((w) => w.windowMs / 60_000),
      ]),
    ).toEqual([
      [1, [60, 180]],
      [20, [1_440]],
    ]);
    expect(program.longestWindowMs).toBe(86_400_000);
    expect(program.featureNames).toEqual(['day', 'three', 'hour']);
  });

  it('has one definition however a condition or a hop is written', () => {
    const short = cardView((a) => ({ n: a.count({ window: '60m', where: { online: true } }) }));
    const long = cardView((a) => ({
      n: a.count({ window: '1h', hop: '1m', where: { online: { eq: true } } }),
    }));
    const other = cardView((a) => ({ n: a.count({ window: '1h', where: { online: false } }) }));
    expect(compileView(long).definitionHash).toBe(compileView(short).definitionHash);
    expect(compileView(long).definition).toEqual(compileView(short).definition);
    expect(compileView(other).definitionHash).not.toBe(compileView(short).definitionHash);
  });

  it('keeps its hash for ever: states in Redis and frames in Kafka carry it', () => {
    const program = compileView(
      cardView((a) => ({
        count: a.count({ window: '1h' }),
        sum: a.sum('amount', { window: '1h', hop: '5m' }),
        mean: a.mean('fee', { window: '24h', where: { online: true, country: { in: ['NO', 'SE'] } } }),
        min: a.min('amount', { window: '3h' }),
        max: a.max('settledAt', { window: '7d' }),
        stddev: a.stddev('amount', { window: '30d' }),
        last: a.last('online', { window: '90d' }),
        since: a.timeSinceLast({ window: '5m', where: { fee: { isNull: false } } }),
      })),
    );
    expect(program.definitionHash).toBe(3_057_696_746);
  });

  it('prepares fields as numbers, nulls and refused events as NaN', () => {
    const view = cardView((a) => ({
      fee: a.last('fee', { window: '1h' }),
      online: a.last('online', { window: '1h' }),
      abroad: a.max('amount', { window: '1h', where: { country: { ne: 'NO' } } }),
      count: a.count({ window: '1h' }),
    }));
    expect(inputsOf(view, payment({ fee: 2, online: true, amount: 3, country: 'DE' }))).toEqual([2, 1, 3, 1]);
    expect(inputsOf(view, payment({ online: false, country: null }))).toEqual([NaN, 0, NaN, 1]);
    expect(inputsOf(view, payment({ fee: -0, country: 'NO' }))).toEqual([0, NaN, NaN, 1]);
  });

  it.each([
    [{ amount: 5 }, [4, 5, 6], [false, true, false]],
    [{ amount: { gt: 5 } }, [4, 5, 6], [false, false, true]],
    [{ amount: { gte: 5, lt: 6 } }, [4, 5, 6], [false, true, false]],
    [{ amount: { lte: 5, ne: 4 } }, [4, 5, 6], [false, true, false]],
    [{ amount: { in: [4, 6] } }, [4, 5, 6], [true, false, true]],
    [{ fee: { isNull: true } }, [4, null], [false, true]],
    [{ fee: { isNull: false } }, [4, null], [true, false]],
    [{ fee: { ne: 4 } }, [4, 5, null], [false, true, false]],
    [{ fee: { lt: 4 } }, [-1, null], [true, false]],
  ])('lets pass %j what it should', (where, values, expected) => {
    const [field] = Object.keys(where) as ['amount' | 'fee'];
    const view = cardView((a) => ({ n: a.count({ window: '1h', where }) }));
    const passed = values.map((value) => inputsOf(view, payment({ [field]: value }))[0] === 1);
    expect(passed).toEqual(expected);
  });

  it('asks every field of a condition', () => {
    const view = cardView((a) => ({ n: a.count({ window: '1h', where: { online: true, country: 'NO' } }) }));
    const passes = (online: boolean | null, country: string | null) =>
      inputsOf(view, payment({ online, country, at: START_MS }))[0] === 1;
    expect([passes(true, 'NO'), passes(true, 'DE'), passes(false, 'NO'), passes(null, 'NO')]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  it('finds the entity key in the fields that the source has for it', () => {
    const program = compileView(cardView((a) => ({ n: a.count({ window: '1h' }) })));
    expect(viewKeyOf(program, payment({ card: 'c7' }))).toBe('c7');
    const mapped = featureView({
      name: 'corridor',
      entity: entity({ name: 'corridor', keys: ['card', 'nation'] }),
      source: payments,
      keyFields: { nation: 'country' },
      features: (a) => ({ n: a.count({ window: '1h' }) }),
    });
    const corridor = compileView(mapped);
    expect(viewKeyOf(corridor, payment({ card: 'c7', country: 'NO' }))).toBe('c7\u001fNO');
    expect(viewKeyOf(corridor, payment({ card: 'c7' }))).toBeNull();
    expect(card.keys).toEqual(['card']);
  });

  it('keeps the digest of a view without a contract; one that changes rows changes it, one that only warns does not', () => {
    const plain = compileView(originDepartures);
    // Of the definition before contracts existed: states and models of that time still fit.
    expect(plain.definitionHash).toBe(2_444_500_264);
    expect(plain.freshness).toBeNull();
    const hashOf = (contract: Pick<FeatureView, 'maxAge' | 'onStale' | 'ttl'>) =>
      compileView({ ...originDepartures, ...contract }).definitionHash;
    expect(hashOf({ maxAge: '1h', onStale: 'serve' })).toBe(plain.definitionHash);
    const changing = [
      hashOf({ maxAge: '1h', onStale: 'null' }),
      hashOf({ maxAge: '2h', onStale: 'null' }),
      hashOf({ maxAge: '1h', onStale: 'refuse' }),
      hashOf({ ttl: '2h' }),
    ];
    expect(new Set([...changing, plain.definitionHash]).size).toBe(5);
  });
});
