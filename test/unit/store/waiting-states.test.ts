import { expect, test } from 'vitest';
import { compileView } from '../../../src/fold/compile-view.ts';
import { createMemoryOnlineStore } from '../../../src/store/memory-online-store.ts';
import { StateCache, stateCacheLimitsDefault, type EncodedState } from '../../../src/store/state-cache.ts';
import { WaitingStates } from '../../../src/store/waiting-states.ts';
import { originDepartures } from '../../support/serving/tiny-project.ts';

const WAITING_KEYS_MAX = 50_000;
const WAITING_BYTES_MAX = 128 * 1_048_576;
const WRITE_KEYS_MAX = 5_000;
const view = compileView(originDepartures);
const keysOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `k${i}`);

async function setUp(keys: readonly string[], onWrite: () => void = () => undefined) {
  const cache = new StateCache(view, stateCacheLimitsDefault);
  await cache.load(createMemoryOnlineStore(), keys, () => false);
  const writes: (readonly EncodedState[])[] = [];
  const waiting = new WaitingStates(cache, (states) => {
    writes.push(states);
    onWrite();
    return Promise.resolve();
  });
  return { cache, writes, waiting };
}

test('states wait until there are as many keys as may, however often each changes', async () => {
  const keys = keysOf(WAITING_KEYS_MAX);
  const { waiting } = await setUp(keys);
  waiting.add(keys.slice(1));
  waiting.add(keys.slice(1));
  expect(waiting.isFull).toBe(false);
  waiting.add(keys.slice(0, 1));
  expect(waiting.isFull).toBe(true);
});

test('few states that are large fill it too, each counted once at its size of now', async () => {
  const { cache, waiting } = await setUp(['a', 'b']);
  const sizes: Record<string, number> = { a: WAITING_BYTES_MAX - 2, b: 1 };
  for (const key of ['a', 'b'])
    Object.defineProperty(cache.get(key), 'byteLength', { get: () => sizes[key] });
  waiting.add(['a', 'b']);
  waiting.add(['a', 'b']);
  expect(waiting.isFull).toBe(false);
  sizes['b'] = 2;
  waiting.add(['b']);
  expect(waiting.isFull).toBe(true);
});

test('a flush writes each state once, in writes of a bounded number, and begins again empty', async () => {
  const keys = keysOf(WAITING_KEYS_MAX);
  const { waiting, writes } = await setUp(keys);
  waiting.add(keys);
  expect(await waiting.flush()).toEqual(keys);
  expect(writes.map((states) => states.length)).toEqual(Array<number>(10).fill(WRITE_KEYS_MAX));
  expect(writes.flat().map(({ entityKey }) => entityKey)).toEqual(keys);
  expect(waiting.isFull).toBe(false);
  expect(await waiting.flush()).toEqual([]);
});

test('a flush that is cancelled stops between two writes, and what it did not write still waits', async () => {
  const keys = keysOf(WRITE_KEYS_MAX + 1);
  const cancel = new AbortController();
  const { waiting, writes } = await setUp(keys, () => {
    cancel.abort();
  });
  waiting.add(keys);
  await expect(waiting.flush(cancel.signal)).rejects.toThrow('aborted');
  expect(writes).toHaveLength(1);
  expect(await waiting.flush()).toEqual(keys);
});
