import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { SharedReads } from '../../../console/shared-reads.ts';

const LONG_MS = 60_000;

test('many who ask at once are answered by one reading, and so are those who ask soon after', async () => {
  const reads = new SharedReads({ keepMs: LONG_MS, limitMs: LONG_MS });
  let count = 0;
  const read = () => sleep(10).then(() => ++count);
  expect(await Promise.all(Array.from({ length: 50 }, () => reads.get('x', '', read)))).toEqual(
    Array(50).fill(1),
  );
  expect(await reads.get('x', '', read)).toBe(1);
  expect(await reads.get('x', 'another key', read)).toBe(2);
});

test('an answer that has stood long enough is read again', async () => {
  const reads = new SharedReads({ keepMs: 1, limitMs: LONG_MS });
  let count = 0;
  const read = async () => ++count;
  expect(await reads.get('x', '', read)).toBe(1);
  await sleep(5);
  expect(await reads.get('x', '', read)).toBe(2);
  expect(await reads.get('x', '', read, LONG_MS)).toBe(2);
});

test('a failure stands as an answer does, and is told', async () => {
  const told: [string, unknown][] = [];
  const reads = new SharedReads({
    keepMs: LONG_MS,
    limitMs: LONG_MS,
    onRead: (part, _seconds, error) => told.push([part, error]),
  });
  const away = new Error('away');
  let count = 0;
  const read = () => {
    count++;
    return Promise.reject(away);
  };
  for (let i = 0; i < 3; i++) await expect(reads.get('x', '', read)).rejects.toBe(away);
  expect(count).toBe(1);
  expect(told).toEqual([['x', away]]);
});

test('a reading that hangs is begun once, and those who come later do not wait again', async () => {
  const reads = new SharedReads({ keepMs: 1, limitMs: 30 });
  let count = 0;
  let answer: (value: string) => void = () => undefined;
  const read = () => {
    count++;
    return new Promise<string>((resolve) => {
      answer = resolve;
    });
  };
  const timedOut = { code: 'STATUS_TIMED_OUT', message: expect.stringContaining('views') as string };
  await expect(reads.get('views', '', read)).rejects.toMatchObject(timedOut);
  const askedAt = performance.now();
  await expect(reads.get('views', '', read)).rejects.toMatchObject(timedOut);
  expect(performance.now() - askedAt).toBeLessThan(25);
  answer('at last');
  await sleep(0);
  expect(await reads.get('views', '', read, LONG_MS)).toBe('at last');
  expect(count).toBe(1);
});

test('readings make room for newer ones', async () => {
  const reads = new SharedReads({ keepMs: LONG_MS, limitMs: LONG_MS });
  let count = 0;
  const read = async () => ++count;
  for (let key = 0; key <= 500; key++) await reads.get('x', String(key), read);
  expect(await reads.get('x', '500', read)).toBe(501);
  expect(await reads.get('x', '0', read)).toBe(502);
});
