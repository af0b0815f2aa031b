import { describe, expect, it } from 'vitest';
import { cardEntity, payments, problemsOfFeature, problemsOfFeatures, problemsOfSource, problemsOfView } from '../payments-project.ts';

describe('the checks of a feature view', () => {
  it.each([
    ['no features', { features: {} }, 'expected 1 to 256 features, found 0'],
    ['a version of 0', { version: 0 }, 'expected version'],
    ['too many partitions', { partitions: 513 }, 'from 1 to 512, found 513'],
    ['a key that the source lacks', { keyFields: { card: 'pan' } }, "found no field 'pan'"],
    ['a maxAge that is no duration', { maxAge: 'soon' }, 'expected maxAge as a duration'],
    ['a ttl under a second', { ttl: '5ms' }, "expected ttl from '1s'"],
    ['a maxAge beyond the ttl', { maxAge: '2h', ttl: '1h' }, "of at most the ttl '1h', found '2h'"],
    [
      'an unknown policy',
      { maxAge: '1h', onStale: 'drop' },
      "one of 'serve', 'null', 'refuse', found 'drop'",
    ],
    ['a policy without an age', { onStale: 'null' }, 'expected onStale beside a maxAge'],
    ['an objective without an age', { freshnessObjective: 0.99 }, 'expected freshnessObjective beside a maxAge'],
    ['an objective of all reads', { maxAge: '1h', freshnessObjective: 1 }, 'between 0 and 1, found 1.'],
    ['a key that is no text', { keyFields: { card: 'amount' } }, "found number 'amount'"],
  ])('find %s', (_what, change, text) => {
    expect(problemsOfView(change)).toEqual([expect.stringContaining(text)]);
  });

  it.each([
    ['an unknown kind', { kind: 'median' }, "found 'median'"],
    ['a missing field', { kind: 'sum', field: 'price' }, "Fields that it can take: 'amount', 'fraud'."],
    ['a field of a wrong type', { kind: 'mean', field: 'card' }, "found string 'card'"],
    ['a skewness of a text', { kind: 'skewness', field: 'card' }, 'expected skewness of a number or boolean'],
    ['a first text', { kind: 'first', field: 'note' }, "found string 'note'"],
    ['a decay of a text', { kind: 'decayedSum', field: 'card', halfLife: '1h' }, "found string 'card'"],
    ['a decay without a half-life', { kind: 'decayedCount' }, 'expected halfLife as a duration'],
    ['a half-life that is no duration', { kind: 'decayedCount', halfLife: 'long' }, "found 'long'"],
    [
      'a half-life of nothing',
      { kind: 'decayedCount', halfLife: '0s' },
      "expected halfLife from '1s' to '365d', found '0s'",
    ],
    ['a half-life over a year', { kind: 'decayedCount', halfLife: '366d' }, "found '366d'"],
    [
      'different values of a boolean',
      { kind: 'approxDistinct', field: 'fraud' },
      "expected approxDistinct of a string or number or timestamp, found boolean 'fraud'",
    ],
    ['a quantile of a text', { kind: 'approxQuantile', field: 'note', q: 0.5 }, "found string 'note'"],
    ['a quantile without its share', { kind: 'approxQuantile', field: 'amount' }, 'found undefined'],
    [
      'a quantile beyond all values',
      { kind: 'approxQuantile', field: 'amount', q: 50 },
      'expected q as a number from 0 to 1, found 50. Set it within.',
    ],
    ['a quantile of no number', { kind: 'approxQuantile', field: 'amount', q: NaN }, 'found NaN'],
    ['a window that is no duration', { window: '1w' }, "found '1w'"],
    ['a window under a minute', { window: '30s' }, "from '1m' to '90d', found '30s'"],
    ['a window over 90 days', { window: '91d' }, "found '91d'"],
    ['a window that no hop divides', { window: '60001ms' }, 'hop of whole seconds'],
    [
      'a lifetime with a hop',
      { window: 'lifetime', hop: '1h' },
      "expected no hop of a lifetime window, whose one tile never ages, found '1h'. Leave it out.",
    ],
    ['a hop that is no duration', { hop: 'often' }, 'expected hop as a duration'],
    ['a hop that is longer than the window', { hop: '2h' }, "found '2h'"],
    [
      'a hop that gives too many tiles',
      { window: '24h', hop: '10s' },
      'at most 4096 tiles a window, found 8640',
    ],
    ['a condition on an unknown field', { where: { price: 1 } }, "found 'price'"],
    [
      'a condition with a value of a wrong type',
      { where: { amount: '1' } },
      "compare number 'amount' with a number",
    ],
    ['a condition on what every object has', { where: { toString: { eq: 'a' } } }, "found 'toString'"],
    ['a field that every object has', { kind: 'sum', field: 'constructor' }, "found 'constructor'"],
    ['a condition that is none', { where: null }, "expected 'where' as an object of fields and what they are compared with, found null"],
    ['a condition that is a list', { where: ['card'] }, 'found a list'],
    ['an unknown operator', { where: { amount: { above: 1 } } }, "found 'above'"],
    ['an order of texts', { where: { card: { gt: 'a' } } }, "found 'gt'"],
    ['a comparison with nothing', { where: { card: {} } }, 'found {}'],
    ['an empty list', { where: { card: { in: [] } } }, 'list 1 to 1000 values, found 0 values'],
    ['a list with a wrong value', { where: { card: { in: ['a', 1] } } }, 'found 1'],
    ['isNull of a number', { where: { card: { isNull: 1 } } }, "expected 'isNull' on 'card'"],
  ])('find %s', (_what, change, text) => {
    expect(problemsOfFeature(change)).toEqual([expect.stringContaining(text)]);
  });

  it('find definitions that are none, or have no options, all together', () => {
    const problems = problemsOfFeatures((a) => ({
      nothing: undefined as never,
      half: a.ratio(a.count({ window: '1h' }), undefined as never),
      sum: a.sum('amount', undefined as never),
      top: a.topK('note', undefined as never),
      bins: a.histogram('note', undefined as never),
      buckets: a.mean('amount', { window: '1w', bucketBy: null } as never),
    }));
    expect(problems).toEqual([
      expect.stringContaining("feature 'top': expected k as a whole number from 1 to 16, found undefined"),
      expect.stringContaining("feature 'bins': expected a histogram with values of 'note' to list 1 to 64 values, found 0 values"),
      expect.stringContaining("feature 'bins': expected window as a duration"),
      expect.stringMatching(/feature 'nothing': expected one of 'count', .*, found undefined\. Make it/),
      expect.stringMatching(/feature 'half', ratio of the second: expected one of .*, found undefined/),
      expect.stringContaining("feature 'sum': expected window as a duration"),
      expect.stringContaining("feature 'buckets': expected window as a duration such as '30s', '5m', '24h' or '90d', found '1w'"),
    ]);
  });

  it('find a field that would be the prototype of its row', () => {
    const schema = { ...payments.schema, ['__proto__']: { type: 'number', nullable: false } };
    expect(problemsOfSource({ schema })).toEqual([expect.stringContaining("found '__proto__'. Rename it.")]);
  });

  it('accept a lifetime of every kind', () => {
    const window = 'lifetime';
    const features = problemsOfFeatures((a) => ({
      count: a.count({ window }),
      mean: a.mean('amount', { window, bucketBy: { field: 'note', values: ['a'] } }),
      newest: a.lastN('amount', { window, n: 2 }),
      decayed: a.decayedSum('amount', { window, halfLife: '30d' }),
      share: a.ratio(a.count({ window: '1h' }), a.count({ window })),
    }));
    expect(features).toEqual([]);
  });

  it('find the problems of both parts of a combination', () => {
    const problems = problemsOfFeatures((a) => ({
      ratio: a.ratio(a.sum('note' as never, { window: '1h' }), a.count({ window: '1w' as never })),
    }));
    expect(problems).toEqual([
      expect.stringContaining(
        "feature 'ratio', ratio of the first: expected sum of a number or boolean, found string 'note'",
      ),
      expect.stringContaining("feature 'ratio', ratio of the second: expected window as a duration"),
    ]);
  });

  it('find a combination or a group where an aggregation is expected', () => {
    const count = { kind: 'count', field: null, window: '1h' };
    const found = (part: unknown) =>
      problemsOfFeatures((a) => ({ d: a.difference(count as never, part as never) }));
    const nested = { kind: 'ratio', parts: [count, count] };
    expect(found(nested)).toEqual([
      expect.stringContaining("difference of the second: expected one of 'count'"),
    ]);
    expect(found({ kind: 'group', by: { n: 1 }, parts: [] })).toEqual([
      expect.stringContaining("found 'group'"),
    ]);
  });

  it('find entities with too many keys, or with one twice, and take one without', () => {
    const problemsOfEntity = (keys: string[], keyFields: object) =>
      problemsOfView({ entity: { ...cardEntity, keys }, keyFields });
    const nine = Array.from({ length: 9 }, (_, n) => `k${n}`);
    expect(problemsOfEntity(nine, {})).toEqual([
      expect.stringContaining("Entity 'card': expected at most 8 key fields, found 9"),
    ]);
    expect(problemsOfEntity([], {})).toEqual([]);
    expect(problemsOfEntity(['card', 'card'], { card: 'card' })).toEqual([
      expect.stringContaining("'card' twice"),
    ]);
  });
});
