import { expect, it } from 'vitest';
import { murmur3, splitKeys, splitPoint } from '../../../serving/router/split-point.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

it('hashes as MurmurHash3 x86 32 does elsewhere', () => {
  expect(murmur3(bytes(''))).toBe(0);
  expect(murmur3(bytes('hello'))).toBe(0x248bfa47);
  expect(murmur3(bytes('hello, world'))).toBe(0x149bbb7f);
  expect(murmur3(bytes('The quick brown fox jumps over the lazy dog'))).toBe(0x2e4ff723);
});

it('keeps an entity at one point, apart from other entities, models and a null key', () => {
  const point = splitPoint('delay', ['JFK', 'AA']);
  expect(splitPoint('delay', ['JFK', 'AA'])).toBe(point);
  expect(splitPoint('delay', ['JFKA', 'A'])).not.toBe(point);
  expect(splitPoint('other', ['JFK', 'AA'])).not.toBe(point);
  expect(splitPoint('delay', ['JFK', null])).not.toBe(point);
});

it('splits by the entity keys, and without any by the example, else at random', () => {
  const row = { origin: 'JFK', carrier: null };
  expect(splitKeys(['origin', 'carrier'], row, 'f1', () => 'any')).toEqual(['JFK', null]);
  expect(splitKeys([], row, 'f1', () => 'any')).toEqual(['f1']);
  expect(splitKeys([], row, null, () => 'any')).toEqual(['any']);
});
