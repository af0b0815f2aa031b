import { describe, expect, it } from 'vitest';
import { problemsOfFeatures } from '../payments-project.ts';

/** For what only a program without types can write. */
const lastN = (field: string, n: unknown) =>
  problemsOfFeatures((a) => ({ newest: a.lastN(field as 'amount', { window: '1h', n: n as 1 }) }));

describe('the checks of a group of features', () => {
  it('accept what types accept', () => {
    expect(lastN('amount', 16)).toEqual([]);
    expect(lastN('fraud', 1)).toEqual([]);
    expect(lastN('at', 2)).toEqual([]);
  });

  it.each([[0], [17], [2.5], [1e9], ['3'], [undefined]])('find an n of %s', (n) => {
    expect(lastN('amount', n)).toContainEqual(
      expect.stringContaining(
        `Feature view 'card_activity', feature 'newest': expected n as a whole number from 1 to 16, found`,
      ),
    );
  });

  it('find groups whose parts come to one name', () => {
    const problems = problemsOfFeatures((a) => ({
      a: a.count({ window: '1h', bucketBy: { field: 'note', values: ['b_1'] } }),
      a_b: a.lastN('amount', { window: '1h', n: 1 }),
    }));
    expect(problems).toEqual([expect.stringContaining("expected different features, found 'a_b_1' made twice by the definitions")]);
  });

  it('name a problem of all parts once, by the name of the group', () => {
    expect(lastN('note', 3)).toEqual([
      "Feature view 'card_activity', feature 'newest': expected lastN of a number or boolean or timestamp, found string 'note'. Fields that it can take: 'at', 'amount', 'fraud'.",
    ]);
  });

  it('find features that come to one name', () => {
    const problems = problemsOfFeatures((a) => ({
      newest: a.lastN('amount', { window: '1h', n: 2 }),
      newest_2: a.count({ window: '1h' }),
    }));
    expect(problems).toEqual([
      "Feature view 'card_activity': expected different features, found 'newest_2' made twice by the definitions. Rename one of them.",
    ]);
  });

  it('hold the parts against the length of a name and the size of a view', () => {
    const long = `a${'b'.repeat(61)}`;
    expect(problemsOfFeatures((a) => ({ [long]: a.lastN('amount', { window: '1h', n: 2 }) }))).toEqual([
      expect.stringContaining(`found '${long}_1'`),
      expect.stringContaining(`found '${long}_2'`),
    ]);
    const many = problemsOfFeatures((a) =>
      Object.fromEntries(
        Array.from({ length: 17 }, (_, i) => [`f${i}`, a.lastN('amount', { window: '1h', n: 16 })]),
      ),
    );
    expect(many).toEqual([expect.stringContaining('expected 1 to 256 features, found 272')]);
  });
});

/** For what only a program without types can write. */
const buckets = (bucketBy: unknown, options: object = {}) =>
  problemsOfFeatures((a) => ({
    all: a.count({ window: '1h' }),
    n: a.count({ window: '1h', ...options, bucketBy: bucketBy as never }),
  }));

describe('the checks of buckets', () => {
  it('accept what types accept', () => {
    expect(buckets({ field: 'note', values: ['a', 'New York', 'æ'] })).toEqual([]);
    expect(buckets({ field: 'note', values: ['a'] }, { where: { amount: { gt: 1 } } })).toEqual([]);
    const values = Array.from({ length: 64 }, (_, i) => `v${i}`);
    expect(buckets({ field: 'card', values })).toEqual([]);
  });

  it.each([
    [
      'a field that is no text',
      { field: 'amount', values: ['a'] },
      "expected bucketBy of a string field of the source, found number 'amount'. Fields that it can take: 'id', 'card', 'note'.",
    ],
    ['a field that is not there', { field: 'town', values: ['a'] }, "found 'town'"],
    [
      'no values',
      { field: 'note', values: [] },
      "expected bucketBy of 'note' to list 1 to 64 values, found 0 values",
    ],
    [
      'too many values',
      { field: 'note', values: Array.from({ length: 65 }, (_, i) => `v${i}`) },
      'found 65 values',
    ],
    ['values that are no list', { field: 'note', values: 'NO' }, "found 'NO'. List them"],
    ['a bound in place of values', { field: 'note', max: 5 }, 'or use topK for values that are not known beforehand'],
    [
      'values that are no texts',
      { field: 'note', values: ['a', 1, null] },
      "expected bucketBy of 'note' to list texts, found 1, null",
    ],
    [
      'values of one name',
      { field: 'note', values: ['a b', 'c', 'a_b', 'a-b'] },
      "found 'a b', 'a_b', 'a-b', which all become 'a_b'",
    ],
  ])('find %s', (_what, bucketBy, text) => {
    expect(buckets(bucketBy)).toEqual([expect.stringContaining(text)]);
  });

  it("find a field that 'where' tests too", () => {
    expect(buckets({ field: 'note', values: ['a'] }, { where: { note: { ne: 'b' } } })).toEqual([
      "Feature view 'card_activity', feature 'n': expected bucketBy of another field than its 'where' tests, found 'note' in both. Leave out the values that 'where' refuses.",
    ]);
  });

  it("find a problem of their 'where' once", () => {
    expect(buckets({ field: 'note', values: ['a', 'b'] }, { where: { price: 1 } })).toEqual([
      expect.stringContaining("expected 'where' on a field of the source, found 'price'"),
    ]);
  });
});

/** For what only a program without types can write. */
const topK = (field: string, k: unknown) =>
  problemsOfFeatures((a) => ({ top: a.topK(field as 'card', { window: '1h', k: k as 1 }) }));
const histogram = (field: string, options: object) =>
  problemsOfFeatures((a) => ({ h: a.histogram(field as 'note', { window: '1h', ...options } as never) }));

describe('the checks of the most frequent values', () => {
  it('accept what types accept', () => {
    expect(topK('card', 16)).toEqual([]);
    expect(topK('note', 1)).toEqual([]);
  });

  it('find a field that is no text, and a k out of bounds', () => {
    expect(topK('amount', 2)).toEqual([
      expect.stringContaining("feature 'top': expected topK of a string, found number 'amount'"),
    ]);
    expect(topK('card', 17)).toContainEqual(
      expect.stringContaining("feature 'top': expected k as a whole number from 1 to 16, found 17"),
    );
  });
});

describe('the checks of a histogram', () => {
  it('accept what types accept', () => {
    expect(histogram('note', { values: ['a', 'b'], where: { amount: { gt: 1 } } })).toEqual([]);
    expect(histogram('amount', { edges: [-1, 0.5, 10] })).toEqual([]);
  });

  it.each([
    ['a number with values', 'amount', { values: ['a'] }, 'expected a histogram with values of a string field'],
    ['a text with edges', 'note', { edges: [1] }, "expected a histogram with edges of a number field of the source, found string 'note'"],
    ['edges that do not ascend', 'amount', { edges: [1, 1] }, "expected edges of a histogram of 'amount' as 1 to 64 ascending numbers, found [1, 1]"],
    ['no edges', 'amount', { edges: [] }, 'found []'],
    ['edges whose bins have one name', 'amount', { edges: [1e-21, 1.5e-21, 1e21, 1.5e21] }, "expected edges of a histogram of 'amount' to make bins of different names, found '1e_21_to_1_5e_21' made twice"],
    ['an edge without end', 'amount', { edges: [0, Infinity] }, 'found [0, Infinity]'],
    ['a value that is the other bin', 'note', { values: ['other'] }, "found 'other', 'other', which all become 'other'"],
    ["a 'where' on the same field", 'note', { values: ['a'], where: { note: 'a' } }, "found 'note' in both"],
    ["a 'where' on the same number", 'amount', { edges: [1], where: { amount: 1 } }, "found 'amount' in both"],
  ])('find %s', (_what, field, options, text) => {
    expect(histogram(field, options)).toContainEqual(expect.stringContaining(text));
  });
});
