import { expect, test } from 'vitest';
import { CSV_FIELD_LENGTH_MAX, CsvReader } from '../../../src/infra/csv.ts';

const read = (text: string) => {
  const reader = new CsvReader();
  return [...reader.push(text), ...reader.end()];
};

test('reads what other programs write: either line ending, a byte order mark, no last line ending, empty lines', () => {
  expect(read('\ufeffa,b\r\n1,\r\n\r\n"x\r\ny",""\n,\n"q""q",z')).toEqual([
    ['a', 'b'],
    ['1', null],
    ['x\r\ny', ''],
    [null, null],
    ['q"q', 'z'],
  ]);
});

test.each([
  ['a quote inside a field', 'a,b\n1,2"3\n', /line 2: expected quotes around the whole field/],
  ['text after a closing quote', '"a"b\n', /line 1: expected a comma/],
  ['a quote that is not closed', 'a\n"b', /line 2: a quoted field is not closed/],
  ['a field that never ends', `"${'x'.repeat(CSV_FIELD_LENGTH_MAX + 1)}`, /more than 1048576 characters/],
])('names %s', (_what, text, message) => {
  expect(() => read(text)).toThrow(message);
});
