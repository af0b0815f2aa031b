import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { FairTurns } from '../../../../serving/http/fast-lane/fair-turns.ts';

let now = 0;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setImmediate'] });
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const nextTurn = () => vi.advanceTimersToNextTimer();

/** Each takes 0.5 ms to be served, so that a turn has time for four. */
function setUp() {
  const turns = new FairTurns(2);
  const served: number[] = [];
  const take = (...ids: number[]): void => {
    for (const id of ids)
      turns.take({
        serve() {
          served.push(id);
          now += 0.5;
        },
      });
  };
  return { served, take };
}

it('serves what comes at once, as long as the turn has time', () => {
  const { served, take } = setUp();
  take(0, 1, 2);
  expect(served).toEqual([0, 1, 2]);
});

it('leaves the rest to the next turns, in the order in which it came', () => {
  const { served, take } = setUp();
  take(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
  expect(served).toEqual([0, 1, 2, 3]);
  nextTurn();
  expect(served).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  take(10);
  expect(served).toHaveLength(8);
  nextTurn();
  expect(served).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

it('serves at once again when nothing waits any more, and leaves nothing scheduled', () => {
  const { served, take } = setUp();
  take(0, 1, 2, 3, 4);
  nextTurn();
  nextTurn();
  expect(vi.getTimerCount()).toBe(0);
  take(5);
  expect(served).toEqual([0, 1, 2, 3, 4, 5]);
});
