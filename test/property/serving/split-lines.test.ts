import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitLines, type Line } from '../../../serving/bulk/split-lines.ts';

const LINE_BYTES_MAX = 12;
const LINES_MAX = 3;

/** All at once, from the whole text. */
function naiveLines(text: string): Line[] {
  return text.split('\n').flatMap((line, i): Line[] => {
    if (Buffer.byteLength(line) > LINE_BYTES_MAX) return [{ number: i + 1, text: null }];
    return line.trim() === '' ? [] : [{ number: i + 1, text: line }];
  });
}

async function* cut(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    yield await Promise.resolve(bytes.subarray(at, at + size));
    at += size;
  }
}

const text = fc.array(fc.constantFrom('a', 'é', '\u{1F682}', '"', ' ', '\n', '\n', '{"x":1}', '0123456789'), { maxLength: 60 }).map((parts) => parts.join(''));

test('lines are those of the whole text, however it is cut, and never more at once than asked for', () =>
  fc.assert(
    fc.asyncProperty(text, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 8 }), async (whole, sizes) => {
      const found: Line[] = [];
      for await (const lines of splitLines(cut(Buffer.from(whole), sizes), LINE_BYTES_MAX, LINES_MAX)) {
        expect(lines.length).toBeGreaterThan(0);
        expect(lines.length).toBeLessThanOrEqual(LINES_MAX);
        found.push(...lines);
      }
      expect(found).toEqual(naiveLines(whole));
    }),
  ));
