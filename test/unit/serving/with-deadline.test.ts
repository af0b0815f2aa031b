import { beforeEach, describe, expect, it } from 'vitest';
import { withDeadline } from '../../../serving/with-deadline.ts';
import { VirtualTimers } from '../../support/serving/virtual-timers.ts';

const EXCEEDED = { code: 'SERVING_DEADLINE_EXCEEDED', message: 'late' };

describe('what is awaited until a deadline', () => {
  let timers: VirtualTimers;
  const seen: unknown[] = [];
  const never = new Promise<never>(() => undefined);
  /** Notes when it ended and how. */
  const awaits = (work: Promise<unknown>, deadline: number): void => {
    withDeadline(work, deadline, timers, 'late').then(
      (value) => seen.push([timers.now(), value]),
      (error: unknown) => seen.push([timers.now(), error]),
    );
  };
  beforeEach(() => {
    timers = new VirtualTimers();
    seen.length = 0;
  });

  it('is given up at its own deadline, whichever came before it', async () => {
    for (const deadline of [50, 20, 80]) awaits(never, deadline);
    awaits(timers.sleep(30).then(() => 'in time'), 40);
    await timers.runUntil(100);
    expect(seen).toEqual([
      [20, expect.objectContaining(EXCEEDED)],
      [30, 'in time'],
      [50, expect.objectContaining(EXCEEDED)],
      [80, expect.objectContaining(EXCEEDED)],
    ]);
  });

  it('may be awaited after all before it was there, and fails with what its work fails with', async () => {
    awaits(timers.sleep(10).then(() => 'first'), 1_000);
    awaits(timers.sleep(20).then(() => Promise.reject(new Error('no'))), 1_000);
    await timers.runUntil(30);
    awaits(never, 60);
    await timers.runUntil(70);
    expect(seen).toEqual([
      [10, 'first'],
      [20, new Error('no')],
      [60, expect.objectContaining(EXCEEDED)],
    ]);
  });

  it('is late at once where its deadline has passed, also where it is there', async () => {
    await timers.runUntil(10);
    awaits(Promise.resolve('quick'), 5);
    await timers.runUntil(11);
    expect(seen).toEqual([[10, expect.objectContaining(EXCEEDED)]]);
  });
});
