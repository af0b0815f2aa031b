import { expect, test } from 'vitest';
import { compileView } from '../../../src/fold/compile-view.ts';
import { stateLifeMs } from '../../../src/fold/state-life.ts';
import { createMemoryOnlineStore } from '../../../src/store/memory-online-store.ts';
import { ABSENT_POSITION } from '../../../src/store/view-position.ts';
import { originDepartures } from '../../support/serving/tiny-project.ts';
import { describeOnlineStore } from '../../support/store/online-store-contract.ts';

describeOnlineStore('in memory', () => Promise.resolve(createMemoryOnlineStore()));

test('a state ends its life after its last write, a position never does', async () => {
  const program = compileView(originDepartures);
  const lifeMs = stateLifeMs(program) as number;
  let now = 0;
  const store = createMemoryOnlineStore(() => now);
  const state = (entityKey: string) => ({ entityKey, bytes: Uint8Array.of(1) });
  const read = async () =>
    (await store.readStates(['JFK', 'EWR'].map((entityKey) => ({ program, entityKey })))).map(
      (found) => found !== null,
    );
  await store.writePartition(program, 0, {
    expected: ABSENT_POSITION,
    position: 'one',
    states: [state('JFK'), state('EWR')],
  });
  now = lifeMs - 1;
  expect(await read()).toEqual([true, true]);
  await store.writePartition(program, 0, { expected: 'one', position: 'two', states: [state('EWR')] });
  now = lifeMs;
  expect(await read()).toEqual([false, true]);
  await store.writePartition(program, 0, { expected: 'two', position: 'three', states: [] });
  now = 3 * lifeMs;
  expect(await read()).toEqual([false, false]);
  expect(await store.readPositionText(program, 0)).toBe('three');
});
