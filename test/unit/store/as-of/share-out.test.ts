import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { shareOut, type Next } from '../../../../src/store/as-of/share-out.ts';

const lane = (work: (index: number) => Promise<void>) => async (next: Next) => {
  for (let i = next(); i !== undefined; i = next()) await work(i);
};

test('everything is worked on once, in no more lanes than may be', async () => {
  const done: number[] = [];
  let [running, most] = [0, 0];
  const work = async (i: number): Promise<void> => {
    most = Math.max(most, ++running);
    await sleep(i === 0 ? 5 : 1);
    running--;
    done.push(i);
  };
  await shareOut(2, 5, lane(work));
  expect(done.toSorted()).toEqual([0, 1, 2, 3, 4]);
  expect(most).toBe(2);
});

test('after a failure nothing more is given out, what runs is waited for, and the first error is thrown', async () => {
  let [begun, settled] = [0, 0];
  const work = async (i: number): Promise<void> => {
    begun++;
    await sleep(i === 0 ? 1 : 5);
    settled++;
    throw new Error(`no ${i}`);
  };
  await expect(shareOut(2, 5, lane(work))).rejects.toThrow('no 0');
  expect([begun, settled]).toEqual([2, 2]);
});

test('of nothing no lane is opened', async () => {
  await shareOut(2, 0, () => Promise.reject(new Error('opened')));
});
