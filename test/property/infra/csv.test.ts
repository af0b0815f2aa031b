import fc from 'fast-check';
import { expect, test } from 'vitest';
import { csvLine, CsvReader } from '../../../src/infra/csv.ts';

const field = fc.option(
  fc.oneof(
    fc.constantFrom('', '"', ',', '\n', '\r\n', 'a"b', ' ', 'ü,"\n😀'),
    fc.string({ unit: 'grapheme', maxLength: 8 }),
  ),
);
const table = fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { maxLength: 8 });

test('rows come back as they were written, however the text is cut', () => {
  fc.assert(
    fc.property(table, fc.array(fc.nat({ max: 12 }), { minLength: 1 }), (rows, cuts) => {
      const text = rows.map(csvLine).join('');
      const reader = new CsvReader();
      const found: unknown[] = [];
      for (let at = 0, i = 0; at < text.length; i++) {
        const next = at + 1 + (cuts[i % cuts.length] ?? 0);
        found.push(...reader.push(text.slice(at, next)));
        at = next;
      }
      found.push(...reader.end());
      expect(found).toEqual(rows);
    }),
    { numRuns: 500 },
  );
});
