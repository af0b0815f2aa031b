import { WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { ActivityFailure, ApplicationFailure, RetryState } from '@temporalio/common';
import { expect, test } from 'vitest';
import { MillraceError } from '../../../src/core/millrace-error.ts';
import { translateTemporalError } from '../../../src/infra/temporal-error.ts';

const failedWith = (cause: Error) =>
  new WorkflowFailedError('workflow failed', cause, RetryState.NON_RETRYABLE_FAILURE);

test('the innermost failure of a workflow whose type is a code comes out as that error', () => {
  const failure = ApplicationFailure.nonRetryable('too few examples', 'TRAINING_DATA_INSUFFICIENT');
  const activity = new ActivityFailure(
    'activity failed',
    'trainAndRegister',
    '1',
    RetryState.NON_RETRYABLE_FAILURE,
    'worker',
    failure,
  );
  expect(translateTemporalError(failedWith(activity), 'training')).toMatchObject({
    code: 'TRAINING_DATA_INSUFFICIENT',
    message: 'too few examples',
  });
});

test('a failure without a code is WORKFLOW_FAILED with its reason', () => {
  const translated = translateTemporalError(
    failedWith(ApplicationFailure.nonRetryable('boom', 'TypeError')),
    'training',
  );
  expect(translated).toMatchObject({
    code: 'WORKFLOW_FAILED',
    message: expect.stringContaining('boom') as string,
  });
});

test('a workflow that is not there is WORKFLOW_NOT_RUNNING and says how to start it', () => {
  const error = new WorkflowNotFoundError('not found', 'millrace/model-lifecycle/m', undefined);
  expect(translateTemporalError(error, 'signalling')).toMatchObject({
    code: 'WORKFLOW_NOT_RUNNING',
    message: expect.stringMatching(/millrace\/model-lifecycle\/m.*millrace start/) as string,
  });
});

test('an error of ours, and a bug, stay what they are', () => {
  const ours = new MillraceError('MODEL_NOT_FOUND', 'x');
  expect(translateTemporalError(ours, 'x')).toBe(ours);
  const bug = new TypeError('x');
  expect(translateTemporalError(bug, 'x')).toBe(bug);
});
