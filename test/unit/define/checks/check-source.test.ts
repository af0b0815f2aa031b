import { describe, expect, it } from 'vitest';
import { number } from '../../../../src/index.ts';
import { payments, problemsOfSource } from '../payments-project.ts';

describe('the checks of a source', () => {
  it.each([
    ['a name that is no identifier', { name: 'Payment' }, "found 'Payment'"],
    ['a name that is too long', { name: 'x'.repeat(64) }, 'expected a name of 1 to 63'],
    [
      'a column of the offline log',
      { schema: { ...payments.schema, known_time: number() } },
      "found 'known_time'",
    ],
    ['a system column', { schema: { ...payments.schema, xmin: number() } }, "found 'xmin'"],
    ['a field name with a space', { schema: { ...payments.schema, 'a b': number() } }, "found 'a b'"],
    ['an unknown type', { schema: { ...payments.schema, d: { type: 'date' } } }, "field 'd'"],
    ['an id that is no field', { id: 'key' }, "found 'key'. Fields that can be it: 'id', 'card'."],
    ['an id that may be null', { id: 'note' }, 'found a nullable string'],
    ['an event time that is no timestamp', { eventTime: 'amount' }, 'found a number'],
    ['an unknown known time', { knownTime: 'payload' }, "found 'payload'"],
    ['a skew that is no duration', { clockSkew: 'soon' }, "clockSkew as a duration such as '30s'"],
    ['a skew of a week', { clockSkew: '7d' }, "from '0ms' to '1d', found '7d'"],
    ['a dedupe window of a year', { dedupeWindow: '365d' }, 'expected dedupeWindow'],
    ['no partitions', { partitions: 0 }, 'from 1 to 512, found 0'],
    ['half a partition', { partitions: 1.5 }, 'found 1.5'],
  ])('find %s', (_what, change, text) => {
    expect(problemsOfSource(change)).toEqual([expect.stringContaining(text)]);
  });
});
