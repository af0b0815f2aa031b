import { expect, it } from 'vitest';
import type { Session } from '../../../../serving/session-host/session.ts';
import { SessionGroup } from '../../../../serving/session-host/session-group.ts';

/** A session whose runs end when the test says so; its every score is its number. */
function held(number: number) {
  const ends: (() => void)[] = [];
  const session: Session = {
    placement: 'child',
    provider: 'cpu',
    run: (_features, rows) => new Promise((resolve) => ends.push(() => resolve(new Float32Array(rows).fill(number)))),
    close: () => Promise.resolve(),
  };
  return { session, ends };
}
const row = Float32Array.of(0);

it('gives a batch to the session with the fewest under way, and the turn to the next where several have', async () => {
  const [first, second] = [held(1), held(2)];
  const group = new SessionGroup([first.session, second.session]);
  const runs = [group.run(row, 1), group.run(row, 1)];
  expect([first.ends.length, second.ends.length]).toEqual([1, 1]);
  second.ends.shift()?.();
  expect([...((await runs[1]) as Float32Array)]).toEqual([2]);
  void group.run(row, 1);
  expect([first.ends.length, second.ends.length]).toEqual([1, 1]);
  first.ends.shift()?.();
  second.ends.shift()?.();
  await runs[0];
});
