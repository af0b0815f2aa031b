import { expect, test } from 'vitest';
import { errorsSince, mostErrors } from '../../../src/monitoring/count-errors.ts';

test('errors since a step began are those of each process, whatever became of it', () => {
  const before = { old: 7, gone: 2 };
  let most = mostErrors({}, { old: 7, gone: 2 });
  expect(errorsSince(before, most)).toBe(0);
  // One has ended and another began: what the old one had must not hide what the new one has.
  most = mostErrors(most, { gone: 2, young: 6 });
  expect(errorsSince(before, most)).toBe(6);
  most = mostErrors(most, { young: 4 });
  expect(errorsSince(before, most)).toBe(6);
  most = mostErrors(most, { old: 9 });
  expect(errorsSince(before, most)).toBe(8);
});

test('of a step that an earlier release began, their sum is taken', () => {
  expect(errorsSince(5, { a: 4, b: 3 })).toBe(2);
  expect(errorsSince(5, { a: 1 })).toBe(0);
});
