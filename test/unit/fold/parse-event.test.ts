import { describe, expect, it } from 'vitest';
import { parsePayload } from '../../../src/fold/parse-event.ts';
import { payments } from '../../support/fold/payments.ts';

const good = { id: 'p1', at: '2024-01-01T00:00:00Z', card: 'c', amount: 1.5 };
const problemsOf = (payload: unknown): string[] => {
  const parsed = parsePayload(payments, payload);
  return parsed.ok ? [] : parsed.problems;
};
const rowOf = (payload: unknown) => {
  const parsed = parsePayload(payments, payload);
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  return parsed.row;
};

describe('parsing a payload', () => {
  it('gives every field of the schema, null where a nullable one is missing, and no other', () => {
    expect(rowOf({ ...good, online: true, extra: 1 })).toEqual({
      id: 'p1',
      at: Date.UTC(2024, 0, 1),
      card: 'c',
      amount: 1.5,
      fee: null,
      online: true,
      country: null,
      settledAt: null,
    });
  });

  it('names all problems at once, each with what was expected and found', () => {
    const problems = problemsOf({ id: 7, at: 'yesterday', amount: '12', online: 'yes' });
    expect(problems).toHaveLength(5);
    expect(problems[0]).toMatch(/^field 'id': expected a text .*, found 7$/);
    expect(problems[1]).toMatch(/^field 'at': expected an instant .*, found text 'yesterday'$/);
    expect(problems[2]).toMatch(/^field 'card': expected a text .*, found nothing$/);
    expect(problems[3]).toBe(
      "field 'amount': expected a finite number of magnitude up to 1e+30, found text '12'",
    );
    expect(problems[4]).toBe("field 'online': expected true or false, found text 'yes'");
  });

  it.each([null, undefined, 'text', 3, [good]])('refuses %j, which is no object of fields', (payload) => {
    expect(problemsOf(payload)).toEqual([expect.stringMatching(/^expected an object of fields, found /)]);
  });

  it.each([NaN, Infinity, -Infinity, 1e31, '1', true, {}])('refuses %j as a number', (amount) => {
    expect(problemsOf({ ...good, amount })).toHaveLength(1);
  });

  it.each([
    ['2024-02-29T12:30:00Z', Date.UTC(2024, 1, 29, 12, 30)],
    ['2024-01-01T00:00+01:00', Date.UTC(2023, 11, 31, 23)],
    ['2024-01-01T00:00:00.25-05:00', Date.UTC(2024, 0, 1, 5, 0, 0, 250)],
    [0, 0],
    [-86_400_000, -86_400_000],
  ])('reads %j as an instant', (at, expected) => {
    expect(rowOf({ ...good, at })['at']).toBe(expected);
  });

  it.each([
    '2024-01-01',
    '2024-01-01T00:00:00',
    '2024-02-30T00:00:00Z',
    '2023-02-29T00:00:00Z',
    '2024-01-01T25:00:00Z',
    '2024-13-01T00:00:00Z',
    '1 January 2024',
    1_704_067_200.5,
    8.7e15,
    null,
  ])('refuses %j as an instant', (at) => {
    expect(problemsOf({ ...good, at })).toHaveLength(1);
  });

  it('refuses text that a store could not hold or a key not tell apart', () => {
    for (const card of ['a\u0000b', 'a\u001fb', '\ud800', 'x'.repeat(8_193)]) {
      expect(problemsOf({ ...good, card })).toHaveLength(1);
    }
    expect(rowOf({ ...good, card: '😀 ü \n' })['card']).toBe('😀 ü \n');
  });

  it('does not show more of a long text than a message needs', () => {
    expect(problemsOf({ ...good, amount: 'x'.repeat(5_000) })[0]!.length).toBeLessThan(200);
  });

  it('does not take what an object inherits', () => {
    expect(problemsOf(Object.create(good))).toHaveLength(4);
  });
});
