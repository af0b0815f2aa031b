import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ByteReader } from '../../../src/fold/byte-reader.ts';
import { ByteWriter } from '../../../src/fold/byte-writer.ts';
import { TextIds } from '../../../src/fold/text-ids.ts';

/** Few, so that they come again, short and long, of ASCII and not; the last pairs have one hash each. */
const text = fc.oneof(
  fc.constantFrom('', 'a', 'b', 'ab', 'ba', 'é', 'a\u0080', 'x'.repeat(64), 'x'.repeat(65), '\ud800'),
  fc.constantFrom('costarring', 'liquid', 'declinate', 'macallums'),
  fc.string({ maxLength: 3 }),
  fc.string({ unit: 'binary', maxLength: 3 }),
);

function idsOf(ids: TextIds, texts: readonly string[]): number[] {
  const writer = new ByteWriter();
  for (const one of texts) writer.text(one);
  const reader = new ByteReader(writer.finish());
  const found = texts.map(() => reader.textId(ids));
  reader.end();
  return found;
}

it('numbers texts as a map of them does, whatever was numbered and forgotten before', () => {
  const ids = new TextIds();
  fc.assert(
    fc.property(fc.array(fc.array(text, { maxLength: 50 }), { maxLength: 4 }), (parts) => {
      ids.clear();
      const known = new Map<string, number>();
      for (const texts of parts) {
        const expected = texts.map((one) => {
          if (!known.has(one)) known.set(one, known.size);
          return known.get(one);
        });
        const found = idsOf(ids, texts);
        expect(found).toEqual(expected);
        expect(found.map((id) => ids.textOf(id))).toEqual(texts);
      }
    }),
    { numRuns: 500 },
  );
});

it('takes more texts than it has places for at first, and says when they are many or long', () => {
  const ids = new TextIds();
  const many = Array.from({ length: 16_384 }, (_, i) => `key-${i}`);
  const numbers = many.map((_, i) => i);
  expect(idsOf(ids, many.slice(0, -1))).toEqual(numbers.slice(0, -1));
  expect(ids.isFull).toBe(false);
  expect(idsOf(ids, many)).toEqual(numbers);
  expect(ids.isFull).toBe(true);
  ids.clear();
  expect(ids.isFull).toBe(false);
  expect(idsOf(ids, ['key-7', 'key-8'])).toEqual([0, 1]);
  expect(idsOf(ids, ['x'.repeat(1_048_576)])).toEqual([2]);
  expect(ids.isFull).toBe(true);
});
