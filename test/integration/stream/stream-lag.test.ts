import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RunningConsumer } from '../../../src/infra/kafka.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { createMetrics } from '../../../src/infra/metrics.ts';
import type { Failpoints } from '../../../src/stream/failpoints.ts';
import { startFoldConsumer } from '../../../src/stream/fold-consumer.ts';
import { startIngest } from '../../../src/stream/ingest.ts';
import { createStreamMetrics } from '../../../src/stream/stream-metrics.ts';
import { account, eventually, openEventPath, payments, paymentSource, replayOf, type EventPath } from './event-path.ts';

let path: EventPath;
const running: RunningConsumer[] = [];
beforeEach(async () => {
  path = await openEventPath();
});
afterEach(async () => {
  for (const consumer of running.splice(0)) await consumer.stop();
  await path.close();
});

/** A process of its own, as far as metrics go: what it shows is by topic and partition. */
function startProcess() {
  const metrics = createStreamMetrics(createMetrics('test'));
  const deps = { ...path, logger: createLogger('test', 'silent'), metrics, clock: Date.now, sessionTimeoutMs: 6_000 };
  const keep = async (consumer: Promise<RunningConsumer>): Promise<RunningConsumer> => {
    running.push(await consumer);
    return consumer;
  };
  return {
    ingest: (failpoints: Failpoints = {}) => keep(startIngest({ ...deps, failpoints }, path.project.sources, path.programs)),
    fold: () => keep(startFoldConsumer(deps, path.programs)),
    shown: async () => {
      const { values } = await metrics.lag.get();
      return new Map(values.map(({ labels, value }) => [`${labels.topic}/${labels.partition}`, value]));
    },
  };
}

const send = (count: number, from = 0) => path.replayer.send(replayOf(payments(count, from)));
const partitionsOf = (topic: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${topic}/${n}`);
const sourcePartitions = () => partitionsOf(path.names.sourceTopic('payment'), paymentSource.partitions);

test('each partition is shown by the one process that has it, over a rebalance and an end', async () => {
  const [first, second] = [startProcess(), startProcess()];
  await Promise.all([first.ingest(), first.fold()]);
  const all = [...sourcePartitions(), ...path.programs.flatMap((p) => partitionsOf(path.names.viewTopic(p.name, p.version), p.partitions))].sort();
  await send(300);
  await eventually('the first shows all', async () => [...(await first.shown()).keys()].sort().join() === all.join());
  const others = await Promise.all([second.ingest(), second.fold()]);
  const shownByBoth = async () => [...(await first.shown()).keys(), ...(await second.shown()).keys()].sort();
  const sharesBoth = async () => new Set([...(await second.shown()).keys()].map((slot) => slot.startsWith(path.names.sourceTopic('payment')))).size === 2;
  const isShared = async () => (await sharesBoth()) && (await shownByBoth()).join() === all.join();
  await eventually('they share them', isShared);
  await send(300, 300);
  await eventually('all is stored', async () => (await account(path)).stored === 600);
  await eventually('they still share them', isShared);
  for (const consumer of others) await consumer.stop();
  expect(await second.shown()).toEqual(new Map());
  await eventually('the first shows all again', async () => [...(await first.shown()).keys()].sort().join() === all.join());
});

test('while a store is away the lag grows, of partitions too for which nothing is fetched', async () => {
  const process = startProcess();
  let isAway = false;
  await process.ingest({
    afterFramesSent: () => {
      if (isAway) throw new Error('Postgres is away');
    },
  });
  const lag = async (): Promise<number> => [...(await process.shown()).values()].reduce((sum, value) => sum + value, 0);
  await send(60);
  await eventually('nothing waits', async () => (await account(path)).stored === 60 && (await lag()) === 0 && (await process.shown()).size === 3);
  isAway = true;
  await send(1, 60);
  await eventually('the batch that fails waits', async () => (await lag()) === 1);
  await send(239, 61);
  await eventually('all behind it is counted', async () => (await lag()) === 240);
  expect([...(await process.shown()).values()].every((value) => value > 0)).toBe(true);
  isAway = false;
  await eventually('nothing waits any more', async () => (await account(path)).stored === 300 && (await lag()) === 0);
});
