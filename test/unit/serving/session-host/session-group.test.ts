import { expect, it } from 'vitest';
import { SessionGroup, type GroupedSession } from '../../../../serving/session-host/session-group.ts';

/** A session whose runs end when the test says so; its every score is its number. */
function held(number: number) {
  const ends: (() => void)[] = [];
  const session: GroupedSession & { isOpen: boolean } = {
    isOpen: true,
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

it('gives a batch to a session that is coming back only where no other is open', async () => {
  const [first, second] = [held(1), held(2)];
  const group = new SessionGroup([first.session, second.session]);
  first.session.isOpen = false;
  const runs = Array.from({ length: 3 }, () => group.run(row, 1));
  expect([first.ends.length, second.ends.length]).toEqual([0, 3]);
  second.session.isOpen = false;
  runs.push(group.run(row, 1));
  expect([first.ends.length, second.ends.length]).toEqual([1, 3]);
  first.session.isOpen = true;
  runs.push(group.run(row, 1));
  expect([first.ends.length, second.ends.length]).toEqual([2, 3]);
  for (const end of [...first.ends, ...second.ends]) end();
  await Promise.all(runs);
});
