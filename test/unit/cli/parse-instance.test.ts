import { expect, test } from 'vitest';
import { parseInstance } from '../../../cli/parse-instance.ts';

test('pairs become fields: numbers, booleans and null as such, everything else as text', () => {
  expect(
    parseInstance(undefined, [
      'carrier=UA',
      'distance=719',
      'delta=-1.5e3',
      'late=true',
      'tail=null',
      'flight="42"',
      'note=a=b',
      'zip=007',
    ]),
  ).toEqual({
    carrier: 'UA',
    distance: 719,
    delta: -1500,
    late: true,
    tail: null,
    flight: '42',
    note: 'a=b',
    zip: '007',
  });
});

test('text is taken as JSON', () => {
  expect(parseInstance('{"a":[1]}', [])).toEqual({ a: [1] });
});

test.each([
  ['both a text and pairs', '{}', ['a=1'], 'found both'],
  ['nothing', undefined, [], 'no instance is given'],
  ['a text that is no JSON', '{a}', [], '--instance is no JSON'],
  ['a pair without =', undefined, ['carrier'], "'carrier' is no key=value pair"],
  ['a pair without a key', undefined, ['=UA'], "'=UA' is no key=value pair"],
])('%s is refused with REQUEST_INVALID', (_what, text, pairs, message) => {
  expect(() => parseInstance(text, pairs)).toThrow(
    expect.objectContaining({ code: 'REQUEST_INVALID', message: expect.stringContaining(message) }),
  );
});
