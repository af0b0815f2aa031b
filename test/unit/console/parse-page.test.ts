import { expect, test } from 'vitest';
import { parsePage } from '../../../console/http/parse-page.ts';

const rules = { limitDefault: 20, limitMax: 200, pages: true };

test('a list has its default length and begins with the newest', () => {
  expect(parsePage({}, rules)).toEqual({ limit: 20, before: null });
  expect(parsePage({ limit: '200', before: '17' }, rules)).toEqual({ limit: 200, before: 17 });
});

test.each([
  [{ limit: '0' }, "limit: expected one whole number from 1 to 200, found '0'"],
  [{ limit: '201' }, "found '201'"],
  [{ limit: '1e2' }, "found '1e2'"],
  [{ limit: ['1', '2'] }, "found '1,2'"],
  [{ before: '-1' }, "before: expected the 'before' of the page above, one whole number, found '-1'"],
  [{ offset: '1' }, "'offset' is no parameter here"],
])('%j is refused', (query, message) => {
  expect(() => parsePage(query, rules)).toThrow(message);
});

test('all problems are named at once', () => {
  expect(() => parsePage({ limit: 'x', before: 'y', z: '1' }, rules)).toThrow(/limit: .*before: .*'z'/);
});

test('a list without pages takes no before', () => {
  expect(() => parsePage({ before: '1' }, { ...rules, pages: false })).toThrow(
    "'before' is no parameter here",
  );
});
