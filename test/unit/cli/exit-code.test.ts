import { expect, test } from 'vitest';
import { exitCodeOf, exitCodes } from '../../../cli/exit-code.ts';
import { MillraceError } from '../../../src/core/millrace-error.ts';
import type { ErrorCode } from '../../../src/core/error-table.ts';

test.each<[ErrorCode, number]>([
  ['CONFIG_INVALID', 2],
  ['PROJECT_NOT_LOADED', 2],
  ['REQUEST_INVALID', 2],
  ['STORE_UNAVAILABLE', 3],
  ['TEMPORAL_UNAVAILABLE', 3],
  ['PROCESS_UNREACHABLE', 3],
  ['SERVING_OVERLOADED', 3],
  ['MODEL_NOT_FOUND', 4],
  ['MODEL_VERSION_NOT_FOUND', 4],
  ['FEATURE_VIEW_NOT_FOUND', 4],
  ['WORKFLOW_NOT_RUNNING', 4],
  ['REGISTRY_REVISION_CONFLICT', 5],
  ['STORE_QUERY_FAILED', 1],
])('%s ends a command with exit code %i', (code, expected) => {
  expect(exitCodeOf(new MillraceError(code, 'x'))).toBe(expected);
});

test('an unexpected error is a failure', () => {
  expect(exitCodeOf(new TypeError('x'))).toBe(exitCodes.failed);
});
