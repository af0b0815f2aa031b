import { describe, expect, test } from 'vitest';
import { GroupCommit } from '../../../src/stream/group-commit.ts';

const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a group commit', () => {
  test('takes what comes in during a flush as the next group, in order', async () => {
    const groups: number[][] = [];
    const commit = new GroupCommit<number, number>(
      async (items) => {
        groups.push([...items]);
        await tick();
        return items.map((item) => item * 2);
      },
      () => 1,
      100,
    );
    const first = [commit.add(1), commit.add(2)];
    await tick();
    const second = [commit.add(3), commit.add(4), commit.add(5)];
    expect(await Promise.all([...first, ...second])).toEqual([2, 4, 6, 8, 10]);
    expect(groups).toEqual([
      [1, 2],
      [3, 4, 5],
    ]);
  });

  test('ends a group before it gets too heavy, and takes a heavy item alone', async () => {
    const groups: number[][] = [];
    const commit = new GroupCommit<number, number>(
      async (items) => {
        groups.push([...items]);
        return items;
      },
      (item) => item,
      10,
    );
    await Promise.all([6, 4, 1, 50, 3].map((item) => commit.add(item)));
    expect(groups).toEqual([[6, 4], [1], [50], [3]]);
  });

  test('gives an error to its own group only', async () => {
    const commit = new GroupCommit<number, number>(
      async (items) => {
        if (items.includes(1)) throw new Error('flush failed');
        return items;
      },
      () => 1,
      1,
    );
    const [first, second] = await Promise.allSettled([commit.add(1), commit.add(2)]);
    expect(first).toMatchObject({ status: 'rejected' });
    expect(second).toEqual({ status: 'fulfilled', value: 2 });
  });
});
