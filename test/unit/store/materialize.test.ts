import { expect, test } from 'vitest';
import { createNames } from '../../../src/contracts/names.ts';
import { compileView } from '../../../src/fold/compile-view.ts';
import type { KafkaClient } from '../../../src/infra/kafka.ts';
import type { Postgres } from '../../../src/infra/postgres.ts';
import { materializePartitions } from '../../../src/store/materialize.ts';
import type { OnlineStore, PartitionWrite } from '../../../src/store/online-store.ts';
import {
  ABSENT_POSITION,
  decodePosition,
  encodePosition,
  startPosition,
} from '../../../src/store/view-position.ts';
import { originDepartures } from '../../support/serving/tiny-project.ts';

const NOW = 1_000;
const view = compileView(originDepartures);

/** A rebuild of a source without events, over one position that starts as `text`. */
function setUp(text: string, beforeWrite: (writes: number) => string | undefined = () => undefined) {
  const position = { text, writes: 0 };
  const store = {
    readPositionText: () => Promise.resolve(position.text),
    writePartition: (_view: unknown, _partition: number, write: PartitionWrite) => {
      position.text = beforeWrite(position.writes++) ?? position.text;
      if (position.text !== write.expected) return Promise.resolve(false);
      position.text = write.position;
      return Promise.resolve(true);
    },
  } as unknown as OnlineStore;
  return { position, rebuild: () => materializePartitions(depsOf(store), view, [0]) };
}

const depsOf = (store: OnlineStore) => ({
  store,
  names: createNames('t'),
  clock: () => NOW,
  postgres: { query: () => Promise.resolve([]) } as unknown as Postgres,
  kafka: { topicOffsets: () => Promise.resolve([]) } as unknown as KafkaClient,
});

const leasedUntil = (until: number): string =>
  encodePosition({ ...startPosition, rebuild: { token: 'other', claim: 'c', until, step: 0 } });

test('a rebuild takes a free position, and one whose lease has ended', async () => {
  for (const text of [ABSENT_POSITION, leasedUntil(NOW)]) {
    const { position, rebuild } = setUp(text);
    expect(await rebuild()).toEqual({ keys: 0, events: 0, busy: [] });
    expect(decodePosition(position.text).rebuild).toBeUndefined();
  }
});

test('while another rebuild holds the lease the partition is busy, and nothing is written', async () => {
  const { position, rebuild } = setUp(leasedUntil(NOW + 1));
  expect(await rebuild()).toEqual({ keys: 0, events: 0, busy: [0] });
  expect(position).toEqual({ text: leasedUntil(NOW + 1), writes: 0 });
});

test('a partition that another one has keeps none of the others from being rebuilt', async () => {
  const held = leasedUntil(NOW + 1);
  const texts = [ABSENT_POSITION, held, ABSENT_POSITION];
  const store = {
    readPositionText: (_view: unknown, partition: number) => Promise.resolve(texts[partition]),
    writePartition: (_view: unknown, partition: number, write: PartitionWrite) => {
      texts[partition] = write.position;
      return Promise.resolve(true);
    },
  } as unknown as OnlineStore;
  expect(await materializePartitions(depsOf(store), view, [0, 1, 2])).toEqual({ keys: 0, events: 0, busy: [1] });
  expect(texts.map((text) => decodePosition(text).rebuild?.token)).toEqual([undefined, 'other', undefined]);
});

test('a rebuild whose lease was taken over leaves the partition as busy, and leaves its successor alone', async () => {
  const successor = leasedUntil(NOW + 5);
  const { position, rebuild } = setUp(ABSENT_POSITION, (writes) => (writes === 1 ? successor : undefined));
  expect(await rebuild()).toEqual({ keys: 0, events: 0, busy: [0] });
  expect(position.text).toBe(successor);
});

test('a consumer that writes without a pause makes it busy', async () => {
  const moving = (writes: number): string => encodePosition({ ...startPosition, viewOffset: writes });
  const { rebuild } = setUp(ABSENT_POSITION, moving);
  expect(await rebuild()).toEqual({ keys: 0, events: 0, busy: [0] });
});
