import { expect, it } from 'vitest';
import { TURN_REQUESTS_MIN, TurnBudget } from '../../../../serving/http/fast-lane/turn-budget.ts';

const LIMIT_MS = 10;
/** Reads as many requests at a time as any turn may take. */
const MANY = TURN_REQUESTS_MIN;

/** Which requests are too much, in turns by the times at which their requests are read; of the first time of a turn there are many. */
function spentIn(turns: readonly (readonly number[])[], many = MANY): boolean[][] {
  let now = 0;
  let end: (() => void) | undefined;
  const budget = new TurnBudget(LIMIT_MS, { now: () => now, soon: (callback) => (end = callback) });
  return turns.map((requests) => {
    const spent = requests.map((at, i) => {
      now = at;
      for (let n = 1; i === 0 && n < many; n++) budget.isSpent();
      return budget.isSpent();
    });
    end?.();
    end = undefined;
    return spent;
  });
}

it('a turn that is long after one that was is spent beyond the limit', () => {
  expect(spentIn([[0, 5, 20], [20, 30, 31, 40], [41, 52]])).toEqual([[false, false, false], [false, false, true, true], [false, true]]);
});

it('one long turn is a pause, and so is one that comes long after another, or after a short one', () => {
  expect(spentIn([[0, 50], [51, 55], [56, 90], [1_400, 1_450]])).toEqual([[false, false], [false, false], [false, false], [false, false]]);
});

it('no turn is spent before it has read as many as any may, however long it takes', () => {
  expect(spentIn([[0, 50], [51, 100], [101, 150, 160]], MANY - 1)).toEqual([[false, false], [false, false], [false, false, true]]);
});
