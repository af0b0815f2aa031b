import { expect, it } from 'vitest';
import type { ErrorCode } from '../../../../src/core/error-table.ts';
import { MillraceError } from '../../../../src/core/millrace-error.ts';
import { countError } from '../../../../serving/decisions/complete-decisions.ts';

it.each<[ErrorCode, number | undefined]>([
  ['SERVING_SESSION_FAILED', 1],
  ['SERVING_DEADLINE_EXCEEDED', 1],
  ['SERVING_CANCELLED', undefined],
  ['REQUEST_INVALID', undefined],
  ['REQUEST_TOO_LARGE', undefined],
])('counts %s as %s errors of the version: what a caller did is none', (code, count) => {
  const errorsByVersion = new Map<number, number>();
  countError({ errorsByVersion }, 3, new MillraceError(code, 'x'));
  expect(errorsByVersion.get(3)).toBe(count);
});
