import { describe, expect, it } from 'vitest';
import { parseChange } from '../../../src/fold/parse-change.ts';
import { number, source, string, timestamp } from '../../../src/index.ts';

const orders = source({
  name: 'orders',
  schema: { orderId: string(), at: timestamp(), amount: number() },
  id: 'orderId',
  eventTime: 'at',
  changes: true,
});
const before = { orderId: 'o1', at: 1, amount: 1 };
const after = { orderId: 'o1', at: 1, amount: 2 };
const parse = (payload: unknown) => parseChange(orders, payload);
const problemsOf = (payload: unknown): readonly string[] => {
  const parsed = parse(payload);
  return parsed.ok ? [] : parsed.problems;
};

describe('parsing a change', () => {
  it.each([
    ['c', [{ ...after, change_id: 'x', change_sign: 1 }]],
    ['r', [{ ...after, change_id: 'x', change_sign: 1 }]],
    ['d', [{ ...before, change_id: 'x', change_sign: -1 }]],
    [
      'u',
      [
        { ...before, change_id: 'x', change_sign: -1 },
        { ...after, change_id: 'x', change_sign: 1 },
      ],
    ],
  ])('with op %s takes the rows that it has, what is taken back first', (op, rows) => {
    expect(parse({ id: 'x', op, before, after, ts_ms: 5 })).toEqual({ ok: true, id: 'x', rows });
  });

  it('names all problems at once', () => {
    expect(problemsOf({ op: 'u', before: { ...before, amount: 'much' }, after: null })).toEqual([
      "field 'id': expected the id of the change as a text, found nothing",
      "before: field 'amount': expected a finite number of magnitude up to 1e+30, found text 'much'",
      "field 'after': expected the whole row, since op is 'u', found null",
    ]);
    expect(problemsOf({ id: 'x', op: 't' })).toEqual(["field 'op': expected 'c', 'r', 'u' or 'd', found text 't'"]);
    expect(problemsOf([])).toEqual(['expected a change { id, op, before, after }, found an array']);
  });

  it('refuses an update of two rows', () => {
    expect(problemsOf({ id: 'x', op: 'u', before, after: { ...after, orderId: 'o2' } })).toEqual([
      expect.stringContaining("expected one row before and after, found text 'o1' and text 'o2'"),
    ]);
  });

  it("takes no sign or id from a row's own fields", () => {
    const parsed = parse({ id: 'x', op: 'd', before: { ...before, change_sign: 1, change_id: 'y' } });
    expect(parsed).toMatchObject({ ok: true, rows: [{ change_id: 'x', change_sign: -1 }] });
  });
});
