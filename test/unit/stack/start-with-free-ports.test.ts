import { expect, it } from 'vitest';
import { MillraceError } from '../../../src/core/millrace-error.ts';
import type { StarterContext } from '../../../stack/server-starter.ts';
import { startWithFreePorts } from '../../../stack/start-with-free-ports.ts';

const context = { report: () => undefined } as unknown as StarterContext;

/** A starter that fails so often before there is no program for it. */
function failing(times: number, portTaken: boolean) {
  let attempts = 0;
  return {
    attempts: () => attempts,
    start: () => {
      attempts += 1;
      if (attempts > times) return Promise.resolve(undefined);
      const details = { server: 'temporal', portTaken };
      return Promise.reject(new MillraceError('STACK_SERVER_FAILED', 'it ended', { details }));
    },
  };
}

it('starts again where another program was quicker to take a port', async () => {
  const starter = failing(2, true);
  await expect(startWithFreePorts(starter.start, context)).resolves.toBeUndefined();
  expect(starter.attempts()).toBe(3);
});

it('gives up after three attempts', async () => {
  const starter = failing(9, true);
  await expect(startWithFreePorts(starter.start, context)).rejects.toMatchObject({ code: 'STACK_SERVER_FAILED' });
  expect(starter.attempts()).toBe(3);
});

it('does not start again after any other failure', async () => {
  const starter = failing(1, false);
  await expect(startWithFreePorts(starter.start, context)).rejects.toMatchObject({ code: 'STACK_SERVER_FAILED' });
  expect(starter.attempts()).toBe(1);
});
