import { expect, it } from 'vitest';
import { readPriority } from '../../../../serving/batcher/priority.ts';

it.each([
  [undefined, undefined],
  ['high', 'high'],
  ['normal', 'normal'],
  ['low', 'low'],
  [0, 'normal'],
  [1, 'high'],
  [2, 'normal'],
  [3, 'low'],
  ['3', 'low'],
])('reads %o as %s', (found, expected) => {
  const problems: string[] = [];
  expect(readPriority('x', found, problems)).toBe(expected);
  expect(problems).toEqual([]);
});

it.each(['', ' ', 'High', 'high, low', '4', -1, 1.5, Number.NaN, true, ['high'], null])('finds %o wrong', (found) => {
  const problems: string[] = [];
  expect(readPriority('parameters.priority', found, problems)).toBeUndefined();
  expect(problems).toEqual([expect.stringMatching(/^parameters\.priority: expected high, normal, low or 0 to 3, found /)]);
});
