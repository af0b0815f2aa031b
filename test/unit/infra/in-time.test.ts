import { expect, test } from 'vitest';
import { inTime } from '../../../src/infra/in-time.ts';

test('an answer in time is passed on, a failure too', async () => {
  expect(await inTime('x', 1_000, Promise.resolve(7))).toBe(7);
  await expect(inTime('x', 1_000, Promise.reject(new Error('away')))).rejects.toThrow('away');
});

test('a part that does not answer in time is named', async () => {
  await expect(inTime('ingestion', 10, new Promise(() => undefined))).rejects.toMatchObject({
    code: 'STATUS_TIMED_OUT',
    message: expect.stringContaining('ingestion') as string,
  });
});
