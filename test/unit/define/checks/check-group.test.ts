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
