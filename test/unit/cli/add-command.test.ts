import { expect, test } from 'vitest';
import { parsePositiveInteger } from '../../../cli/add-command.ts';

test('a whole number is taken up to what Postgres can keep of it', () => {
  expect(parsePositiveInteger('2147483647')).toBe(2_147_483_647);
  for (const text of ['2147483648', '99999999999', '0', '-1', '1.5', 'x']) expect(() => parsePositiveInteger(text), text).toThrow('Expected a whole number from 1 to 2147483647.');
});
