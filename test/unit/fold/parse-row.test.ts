import { expect, it } from 'vitest';
import { nullable, number } from '../../../src/define/field.ts';
import { parseRow } from '../../../src/fold/parse-row.ts';

it('takes -0 as 0, so that a row is what its JSON says', () => {
  const parsed = parseRow({ amount: number(), fee: nullable(number()) }, { amount: -0, fee: null });
  expect(parsed).toEqual({ ok: true, row: { amount: 0, fee: null } });
  expect(parsed.ok && JSON.parse(JSON.stringify(parsed.row))).toEqual(parsed.ok && parsed.row);
});
