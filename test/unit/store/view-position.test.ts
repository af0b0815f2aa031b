import { expect, test } from 'vitest';
import { ABSENT_POSITION, decodePosition, encodePosition, startPosition, watermarkOf } from '../../../src/store/view-position.ts';

test('a position comes back as it was written, and a missing one is the beginning', () => {
  const position = { viewOffset: 41, watermarks: { 0: 7, 3: 9 }, newestKnownTime: 1_000 };
  expect(decodePosition(encodePosition(position))).toEqual(position);
  expect(decodePosition(ABSENT_POSITION)).toEqual(startPosition);
  expect([watermarkOf(position, 3), watermarkOf(position, 1)]).toEqual([9, -1]);
});

test.each(['7', '{"viewOffset":1.5}', 'not JSON', '{"viewOffset":"1","watermarks":{}}'])('%s is STORE_POSITION_CORRUPT', (text) => {
  expect(() => decodePosition(text)).toThrow(expect.objectContaining({ code: 'STORE_POSITION_CORRUPT' }) as Error);
});
