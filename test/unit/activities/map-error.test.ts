import { ApplicationFailure } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { mapErrors } from '../../../activities/map-error.ts';
import { assertInvariant } from '../../../src/core/assert-invariant.ts';
import { MillraceError } from '../../../src/core/millrace-error.ts';

const failing = (error: unknown) => mapErrors({ run: () => Promise.reject(error as Error) }).run();
const failureOf = async (error: unknown): Promise<ApplicationFailure> => {
  const thrown = await failing(error).catch((caught: unknown) => caught);
  expect(thrown).toBeInstanceOf(ApplicationFailure);
  return thrown as ApplicationFailure;
};

describe('errors of activities', () => {
  it('carry their code as the type, and are retried as the table says', async () => {
    const final = await failureOf(new MillraceError('MODEL_VERSION_NOT_FOUND', 'no such version'));
    expect(final).toMatchObject({ type: 'MODEL_VERSION_NOT_FOUND', message: 'no such version', nonRetryable: true });
    const passing = await failureOf(new MillraceError('STORE_UNAVAILABLE', 'away'));
    expect(passing).toMatchObject({ type: 'STORE_UNAVAILABLE', nonRetryable: false });
  });

  it('are never retried where they are bugs', async () => {
    const broken = await Promise.resolve().then(() => assertInvariant(false, 'two is one')).catch((error: unknown) => error);
    expect(await failureOf(broken)).toMatchObject({ type: 'INVARIANT_BROKEN', nonRetryable: true });
  });

  it('stay what they are where they are not ours', async () => {
    const foreign = new Error('something else');
    await expect(failing(foreign)).rejects.toBe(foreign);
  });
});
