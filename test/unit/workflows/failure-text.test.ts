import type { TemporalFailure } from '@temporalio/common';
import { ActivityFailure, ChildWorkflowFailure, DefaultFailureConverter, defaultPayloadConverter, RetryState } from '@temporalio/common';
import { expect, it } from 'vitest';
import { mapError } from '../../../activities/map-error.ts';
import { MillraceError } from '../../../src/core/millrace-error.ts';
import { failedWith, failureText } from '../../../workflows/failure-text.ts';

/** An error of an activity as the workflow gets it: it has been bytes in between. */
function travelled(error: unknown): TemporalFailure {
  const converter = new DefaultFailureConverter();
  const failure = converter.errorToFailure(mapError(error), defaultPayloadConverter);
  const cause = converter.failureToError(failure, defaultPayloadConverter);
  const activity = new ActivityFailure('Activity task failed', 'setAllocation', '1', RetryState.NON_RETRYABLE_FAILURE, 'worker', cause);
  return new ChildWorkflowFailure('default', { workflowId: 'w', runId: 'r' }, 'rolloutModel', RetryState.NON_RETRYABLE_FAILURE, activity);
}

it('names the code of what an activity threw, through all that it was wrapped in', () => {
  const error = travelled(new MillraceError('REGISTRY_REVISION_CONFLICT', 'Somebody changed it meanwhile.'));
  expect(failureText(error)).toBe('REGISTRY_REVISION_CONFLICT: Somebody changed it meanwhile.');
  expect(failedWith(error, 'REGISTRY_REVISION_CONFLICT')).toBe(true);
  expect(failedWith(error, 'MODEL_NOT_FOUND')).toBe(false);
});

it('says what an error without a code said', () => {
  const error = travelled(new Error('the disk is full'));
  expect(failureText(error)).toContain('the disk is full');
  expect(failedWith(new Error('REGISTRY_REVISION_CONFLICT'), 'REGISTRY_REVISION_CONFLICT')).toBe(false);
});
