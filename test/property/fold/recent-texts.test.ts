import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ByteReader } from '../../../src/fold/byte-reader.ts';
import { ByteWriter } from '../../../src/fold/byte-writer.ts';
import { RecentTexts } from '../../../src/fold/recent-texts.ts';

/** Few, so that they come again, short and too long to be kept, of ASCII and not. */
const text = fc.oneof(
  fc.constantFrom('', 'a', 'b', 'ab', 'ba', 'é', 'a\u0080', 'x'.repeat(64), 'x'.repeat(65), '\ud800'),
  fc.string({ maxLength: 3 }),
  fc.string({ unit: 'binary', maxLength: 3 }),
);

it('reads the texts that were written, whichever came before them', () => {
  const recent = new RecentTexts();
  fc.assert(
    fc.property(fc.array(text, { maxLength: 50 }), (texts) => {
      const writer = new ByteWriter();
      for (const one of texts) writer.text(one);
      const reader = new ByteReader(writer.finish());
      expect(texts.map(() => reader.recentText(recent))).toEqual(texts);
      reader.end();
    }),
    { numRuns: 500 },
  );
});
