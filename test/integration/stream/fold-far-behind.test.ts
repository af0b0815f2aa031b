import { afterEach, beforeEach, expect, test } from 'vitest';
import { InvariantViolation } from '../../../src/core/assert-invariant.ts';
import type { OutgoingMessage } from '../../../src/infra/kafka-producer.ts';
import { writeFrames } from '../../../src/stream/view-frames.ts';
import { differences, eventually, openEventPath, payments, type EventPath } from './event-path.ts';

const COUNT = 8_000;
/** Of frames, which a fetch of so few bytes has some hundreds of: thousands more are then known to follow. */
const FETCH_BYTES = 32_768;
const SEND_FRAMES = 200;
const VIEW_PARTITIONS = 5;

let path: EventPath;
beforeEach(async () => {
  path = await openEventPath();
});
afterEach(() => path.close());

/** One frame an event in every view partition, as ingest writes them where events come one by one. */
async function sendFrames(): Promise<void> {
  const producer = await path.kafka.createProducer();
  const pending: OutgoingMessage[] = [];
  for (const [sourceOffset, { payment, knownTime }] of payments(COUNT).entries()) {
    const event = { row: { ...payment }, sourcePartition: 0, sourceOffset, knownTime, eventTime: payment.paidAt, effectiveTime: Math.min(payment.paidAt, knownTime) };
    const bounds = { sourcePartition: 0, firstOffset: sourceOffset, lastOffset: sourceOffset, newestKnownTime: knownTime, appendTime: knownTime };
    pending.push(...writeFrames(path.programs, ({ name, version }) => path.names.viewTopic(name, version), [event], bounds));
    if (pending.length >= SEND_FRAMES * VIEW_PARTITIONS) await producer.send(pending.splice(0));
  }
  await producer.send(pending);
  await producer.close();
}

async function isFolded(): Promise<boolean> {
  const positions = await Promise.all(path.programs.map((program) => path.store.readPositions(program)));
  return positions.flat().every(({ viewOffset }) => viewOffset === COUNT - 1);
}

test('a fold that is far behind writes states once for many batches, and one that ends meanwhile loses none', async () => {
  await sendFrames();
  let crash: () => void = () => undefined;
  const crashed = new Promise<void>((resolve) => (crash = resolve));
  const first = await path.fold({
    beforeStatesWritten: () => {
      crash();
      throw new InvariantViolation('crash asked for by the test');
    },
  }, { bytesPerPartitionMax: FETCH_BYTES });
  await crashed;
  await expect(first.ended).rejects.toThrow(/crash asked for/);
  await first.stop();
  expect(await path.store.readPositionText(path.programs[0]!, 0)).toBe('');

  let writes = 0;
  await path.fold({ beforeStatesWritten: () => void writes++ }, { bytesPerPartitionMax: FETCH_BYTES });
  await eventually('all frames are folded', isFolded);
  expect(await differences(path, payments(COUNT))).toEqual([]);
  // Each fetch has some hundreds of a partition's frames: with a write each it would be twice as many and more.
  expect(writes).toBeLessThan((COUNT / 1_000) * VIEW_PARTITIONS);
});
