import { describe, expect, it } from 'vitest';
import { compileView } from '../../../src/fold/compile-view.ts';
import { partitionOf } from '../../../src/fold/partition-of.ts';
import type { OnlineStore, PartitionWrite } from '../../../src/store/online-store.ts';
import { ABSENT_POSITION, encodePosition, startPosition } from '../../../src/store/view-position.ts';
import { carrierDepartures } from '../serving/contract-project.ts';
import { originDepartures } from '../serving/tiny-project.ts';

const WRITERS = 20;
const origins = compileView(originDepartures);
const carriers = compileView(carrierDepartures({}));

const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
const positionAt = (viewOffset: number, watermark = viewOffset): string =>
  encodePosition({ ...startPosition, viewOffset, watermarks: { 0: watermark } });
/** Some keys of one partition of `origins`. */
const keysIn = (partition: number): string[] =>
  Array.from({ length: 40 }, (_, i) => `K${i}`).filter(
    (key) => partitionOf(key, origins.partitions) === partition,
  );
const writeOf = (
  expected: string,
  position: string,
  states: Readonly<Record<string, string>> = {},
): PartitionWrite => ({
  expected,
  position,
  states: Object.entries(states).map(([entityKey, text]) => ({ entityKey, bytes: bytesOf(text) })),
});

/**
 * What every online store keeps to, docs/online-store.md.
 * @param open an empty store; called for each test
 */
export function describeOnlineStore(name: string, open: () => Promise<OnlineStore>): void {
  const [a = '', b = ''] = keysIn(0);
  const readOf = async (store: OnlineStore, ...keys: (string | null)[]) =>
    (await store.readStates(keys.map((entityKey) => ({ program: origins, entityKey })))).map(
      (bytes) => bytes?.toString() ?? null,
    );

  describe(`the online store ${name}`, () => {
    it('has no state and no position at first', async () => {
      const store = await open();
      expect(await readOf(store, a, null)).toEqual([null, null]);
      expect(await store.readStates([])).toEqual([]);
      expect(await store.readPositionText(origins, 0)).toBe(ABSENT_POSITION);
      expect(await store.readPositions(origins)).toEqual([startPosition, startPosition]);
      expect(await store.readPositionTexts([])).toEqual([]);
    });

    it('reads what was written, in the order asked for, a key asked for twice included', async () => {
      const store = await open();
      expect(
        await store.writePartition(
          origins,
          0,
          writeOf(ABSENT_POSITION, positionAt(1), { [a]: 'first', [b]: '\0\xff' }),
        ),
      ).toBe(true);
      expect(await readOf(store, b, 'absent', a, null, b)).toEqual(['\0\xff', null, 'first', null, '\0\xff']);
      expect(await store.readPositionText(origins, 0)).toBe(positionAt(1));
      expect((await store.readPositions(origins))[0]).toMatchObject({ viewOffset: 1 });
    });

    it('keeps views, versions and partitions apart', async () => {
      const store = await open();
      const [other = ''] = keysIn(1);
      const second = { ...origins, version: 2 };
      await store.writePartition(origins, 0, writeOf(ABSENT_POSITION, positionAt(1), { [a]: 'v1' }));
      await store.writePartition(second, 0, writeOf(ABSENT_POSITION, positionAt(2), { [a]: 'v2' }));
      await store.writePartition(origins, 1, writeOf(ABSENT_POSITION, positionAt(3), { [other]: 'p1' }));
      const found = await store.readStates(
        [origins, second, carriers].map((program) => ({ program, entityKey: a })),
      );
      expect(found.map((bytes) => bytes?.toString() ?? null)).toEqual(['v1', 'v2', null]);
      const of = [
        { program: origins, partition: 1 },
        { program: second, partition: 0 },
        { program: carriers, partition: 0 },
      ];
      expect(await store.readPositionTexts(of)).toEqual([positionAt(3), positionAt(2), ABSENT_POSITION]);
    });

    it('refuses a write on another position and writes nothing of it', async () => {
      const store = await open();
      await store.writePartition(origins, 0, writeOf(ABSENT_POSITION, positionAt(1), { [a]: 'kept' }));
      expect(
        await store.writePartition(
          origins,
          0,
          writeOf(ABSENT_POSITION, positionAt(2), { [a]: 'lost', [b]: 'lost' }),
        ),
      ).toBe(false);
      expect(
        await store.writePartition(origins, 0, writeOf(positionAt(7), positionAt(8), { [a]: 'lost' })),
      ).toBe(false);
      expect(await readOf(store, a, b)).toEqual(['kept', null]);
      expect(await store.readPositionText(origins, 0)).toBe(positionAt(1));
    });

    it('takes the same write twice for one: a sender whose answer was lost is told that it is done', async () => {
      const store = await open();
      const write = writeOf(ABSENT_POSITION, positionAt(1), { [a]: 'once' });
      expect([
        await store.writePartition(origins, 0, write),
        await store.writePartition(origins, 0, write),
      ]).toEqual([true, true]);
      expect(
        await store.writePartition(origins, 0, writeOf(positionAt(1), positionAt(2), { [a]: 'next' })),
      ).toBe(true);
      expect(await store.writePartition(origins, 0, write)).toBe(false);
      expect(await readOf(store, a)).toEqual(['next']);
    });

    it('moves a position without states', async () => {
      const store = await open();
      expect(await store.writePartition(origins, 0, writeOf(ABSENT_POSITION, positionAt(1)))).toBe(true);
      expect(await store.readPositionText(origins, 0)).toBe(positionAt(1));
    });

    it('lets one of many writers win, whole', async () => {
      const store = await open();
      const writes = Array.from({ length: WRITERS }, (_, i) =>
        writeOf(ABSENT_POSITION, positionAt(i), { [a]: `a${i}`, [b]: `b${i}` }),
      );
      const done = await Promise.all(writes.map((write) => store.writePartition(origins, 0, write)));
      const winner = done.indexOf(true);
      expect(done.filter(Boolean)).toHaveLength(1);
      expect(await readOf(store, a, b)).toEqual([`a${winner}`, `b${winner}`]);
      expect(await store.readPositionText(origins, 0)).toBe(positionAt(winner));
    });

    it('keeps bytes, not buffers: neither the writer nor a reader can change them afterwards', async () => {
      const store = await open();
      const write = writeOf(ABSENT_POSITION, positionAt(1), { [a]: 'state' });
      await store.writePartition(origins, 0, write);
      write.states[0]!.bytes.fill(0);
      const [found] = await store.readStates([{ program: origins, entityKey: a }]);
      expect(found?.toString()).toBe('state');
      found?.fill(0);
      expect(await readOf(store, a)).toEqual(['state']);
    });

    it('waits until every partition has folded a source up to an offset, and says which one has not', async () => {
      const store = await open();
      const wanted = [{ sourceName: 'departures', partition: 0, offset: 5 }];
      await store.writePartition(origins, 0, writeOf(ABSENT_POSITION, positionAt(1, 5)));
      await expect(store.waitVisible([origins], wanted, 20)).rejects.toMatchObject({
        code: 'STORE_NOT_VISIBLE',
        message: expect.stringContaining('partition 1, has not folded') as string,
      });
      const visible = store.waitVisible([origins], wanted, 20_000);
      await store.writePartition(origins, 1, writeOf(ABSENT_POSITION, positionAt(1, 6)));
      await visible;
      await store.waitVisible([origins], [{ ...wanted[0]!, sourceName: 'arrivals' }], 0);
    });
  });
}
