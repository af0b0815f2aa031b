import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  account,
  differences,
  eventually,
  openEventPath,
  payments,
  replayOf,
  type EventPath,
} from './event-path.ts';

const TIMEOUT_MS = 20_000;

describe('the event path', () => {
  let path: EventPath;
  beforeAll(async () => {
    path = await openEventPath();
    await path.ingest();
    await path.fold();
  });
  afterAll(() => path.close());

  test('what is visible online equals the naive features of the same events', async () => {
    const events = payments(500);
    const offsets = await path.replayer.send(replayOf(events));
    await path.store.waitVisible(path.programs, offsets, TIMEOUT_MS);
    expect(await differences(path, events)).toEqual([]);
  });

  test('a second delivery of an id within the dedupe window is dropped and counted', async () => {
    const before = await account(path);
    const again = replayOf(payments(200, 300));
    const offsets = await path.replayer.send(again);
    await path.store.waitVisible(path.programs, offsets, TIMEOUT_MS);
    expect(await differences(path, payments(500))).toEqual([]);
    await eventually(
      'all accounted for',
      async () => (await account(path)).duplicates === before.duplicates + 200,
    );
    expect(await account(path)).toEqual({ stored: 500, duplicates: 200, deadLetters: 0, rows: 500 });
  });

  test('applying the same project again changes nothing', async () => {
    const plan = await path.apply();
    expect(plan.steps).toEqual([]);
  });

  test('each of many single events is visible when the wait for it ends', async () => {
    for (const event of payments(100, 500)) {
      const offsets = await path.replayer.send(replayOf([event]));
      await path.store.waitVisible(path.programs, offsets, TIMEOUT_MS);
    }
    expect(await differences(path, payments(600))).toEqual([]);
  });
});
