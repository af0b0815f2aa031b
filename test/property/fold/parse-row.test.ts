import fc from 'fast-check';
import { expect, it } from 'vitest';
import { boolean, nullable, number, string, timestamp, type Schema } from '../../../src/define/field.ts';
import { parseRow } from '../../../src/fold/parse-row.ts';

const schema: Schema = { key: string(), amount: number(), fee: nullable(number()), isOnline: nullable(boolean()), at: timestamp() };

const value = fc.oneof(
  fc.constantFrom(undefined, null, -0, 0, 1e31, 'a\u001f', '2024-01-01T00:00:00Z', true, false),
  fc.double(),
  fc.integer(),
  fc.string(),
);
const right = { key: fc.string(), amount: fc.double({ noNaN: true, max: 1e30, min: -1e30 }), fee: fc.constant(null), isOnline: fc.boolean(), at: fc.integer() };
/** Right objects, of which one field is something else, is missing, or is one that the schema does not have. */
const object = fc
  .tuple(fc.record(right), fc.constantFrom(...Object.keys(right), 'other'), value, fc.constantFrom('keep', 'set', 'drop'))
  .map(([fields, name, other, what]): Record<string, unknown> => {
    const changed: Record<string, unknown> = { ...fields, ...(what === 'set' ? { [name]: other } : {}) };
    if (what === 'drop') Reflect.deleteProperty(changed, name);
    return changed;
  });

it('parses an object as it does one with a field more, which is no row of the schema', () => {
  let own = 0;
  fc.assert(
    fc.property(object, (given) => {
      const parsed = parseRow(schema, given);
      expect(parsed).toEqual(parseRow(schema, { ...given, more: 1 }));
      if (!parsed.ok) return;
      expect(Object.keys(parsed.row).toSorted()).toEqual(Object.keys(schema).toSorted());
      expect(Object.values(parsed.row).some((found) => Object.is(found, -0) || found === undefined)).toBe(false);
      if (parsed.row === given) own++;
    }),
    { numRuns: 1_000 },
  );
  expect(own).toBeGreaterThan(0);
});

it('copies what inherits a field', () => {
  const base = { key: 'k', amount: 1, fee: null, isOnline: null, at: 0 };
  const given = Object.create(base) as object;
  expect(parseRow(schema, given)).toMatchObject({ ok: false });
});
