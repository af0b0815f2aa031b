import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { someAtOnce } from '../../../../src/store/as-of/some-at-once.ts';

test('everything is worked on once, and no more at one time than may be', async () => {
  const done: number[] = [];
  let [running, most] = [0, 0];
  await someAtOnce(2, 5, async (i) => {
    most = Math.max(most, ++running);
    await sleep(i === 0 ? 5 : 1);
    running--;
    done.push(i);
  });
  expect(done.toSorted()).toEqual([0, 1, 2, 3, 4]);
  expect(most).toBe(2);
});

test('after a failure nothing is begun, what runs is waited for, and the first error is thrown', async () => {
  const done: number[] = [];
  const work = async (i: number): Promise<void> => {
    await sleep(i === 0 ? 1 : 5);
    if (i < 2) throw new Error(`no ${i}`);
    done.push(i);
  };
  let [begun, settled] = [0, 0];
  const counted = async (i: number): Promise<void> => {
    begun++;
    await work(i).finally(() => settled++);
  };
  await expect(someAtOnce(2, 5, counted)).rejects.toThrow('no 0');
  expect([begun, settled, done]).toEqual([2, 2, []]);
});

test('nothing at all is done at once', async () => {
  await someAtOnce(2, 0, () => Promise.reject(new Error('none')));
});
