import { expect, test } from 'vitest';
import { compileView } from '../../../src/fold/compile-view.ts';
import { decodeState } from '../../../src/fold/state-codec.ts';
import { applyLogged, type ViewState } from '../../../src/fold/view-state.ts';
import { createMemoryOnlineStore } from '../../../src/store/memory-online-store.ts';
import { RebuiltStates } from '../../../src/store/rebuilt-states.ts';
import type { EncodedState } from '../../../src/store/state-cache.ts';
import { originDepartures } from '../../support/serving/tiny-project.ts';

const WRITE_KEYS_MAX = 5_000;
const view = compileView(originDepartures);
const keysOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `k${i}`);
const nothing = (): void => undefined;
const inputs = new Float64Array(view.inputCount);

function setUp(limits: { statesMax?: number; bytesMax?: number } = {}) {
  const store = createMemoryOnlineStore();
  void store.writePartition(view, 0, { expected: '', position: 'from before', states: [] });
  const writes: (readonly EncodedState[])[] = [];
  let position = 'from before';
  const states = new RebuiltStates(view, store, { statesMax: Infinity, bytesMax: Infinity, ...limits });
  const flush = () =>
    states.flush(async (written) => {
      writes.push(written);
      const next = `${writes.length}`;
      expect(await store.writePartition(view, 0, { expected: position, position: next, states: written })).toBe(true);
      position = next;
    });
  return { store, states, writes, flush };
}

test('states wait until there are as many as may', async () => {
  const { states, flush } = setUp({ statesMax: 100 });
  await states.update(keysOf(99), nothing);
  await states.update(keysOf(99), nothing);
  expect(states.isFull).toBe(false);
  await states.update(keysOf(100), nothing);
  expect(states.isFull).toBe(true);
  await flush();
  expect(states.isFull).toBe(false);
});

test('few states that are large fill it too, each counted once at its size of now', async () => {
  const bytesMax = 1_000_000;
  const { states } = setUp({ bytesMax });
  const sizes: Record<string, number> = { a: bytesMax - 2, b: 1 };
  await states.update(['a', 'b'], (found) => {
    for (const [i, key] of ['a', 'b'].entries()) Object.defineProperty(found[i], 'byteLength', { get: () => sizes[key] });
  });
  await states.update(['a', 'b'], nothing);
  expect(states.isFull).toBe(false);
  sizes['b'] = 2;
  await states.update(['b'], nothing);
  expect(states.isFull).toBe(true);
});

test('each state is written once, in writes of a bounded number', async () => {
  const keys = keysOf(2 * WRITE_KEYS_MAX + 1);
  const { states, writes, flush } = setUp();
  await states.update(keys, nothing);
  await flush();
  expect(writes.map((written) => written.length)).toEqual([WRITE_KEYS_MAX, WRITE_KEYS_MAX, 1]);
  expect(writes.flat().map(({ entityKey }) => entityKey)).toEqual(keys);
  expect(states.written).toBe(keys.length);
  await flush();
  expect(writes).toHaveLength(3);
});

test('goes on with a state that it wrote, and never with one from before', async () => {
  const { store, states, writes, flush } = setUp();
  const fold = (offset: number) => ([state]: readonly ViewState[]) =>
    applyLogged(view, state!, 0, offset, 1_000 + offset, 1_000 + offset, inputs, 0);
  const before = new RebuiltStates(view, store, { statesMax: 1, bytesMax: 1 });
  await before.update(['old'], fold(9));
  await before.flush(async (written) => {
    await store.writePartition(view, 0, { expected: 'from before', position: 'from before', states: written });
  });
  await states.update(['old'], fold(1));
  await flush();
  await states.update(['old'], fold(2));
  await flush();
  const [first, second] = writes.map((written) => decodeState(view, written[0]!.bytes));
  expect([first?.fences[0], first?.newestKnownTime]).toEqual([1, 1_001]);
  expect([second?.fences[0], second?.newestKnownTime]).toEqual([2, 1_002]);

  const atOnce = setUp();
  await atOnce.states.update(['old'], fold(1));
  await atOnce.states.update(['old'], fold(2));
  await atOnce.flush();
  expect(writes[1]).toEqual(atOnce.writes[0]);
});

test('a flush that is cancelled stops between two writes', async () => {
  const { states } = setUp();
  const cancel = new AbortController();
  await states.update(keysOf(WRITE_KEYS_MAX + 1), nothing);
  let writes = 0;
  const write = (): Promise<void> => {
    writes++;
    cancel.abort();
    return Promise.resolve();
  };
  await expect(states.flush(write, cancel.signal)).rejects.toThrow('aborted');
  expect(writes).toBe(1);
});

test('a flush whose write fails fails, and writes no more', async () => {
  const { states } = setUp();
  await states.update(keysOf(2 * WRITE_KEYS_MAX + 1), nothing);
  let writes = 0;
  const write = (): Promise<void> => {
    writes++;
    return Promise.reject(new Error('away'));
  };
  await expect(states.flush(write)).rejects.toThrow('away');
  expect(writes).toBe(1);
});
