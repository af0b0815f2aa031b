import { isMillraceError } from '../core/millrace-error.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import type { RunningConsumer } from '../infra/kafka.ts';
import { startMeasuredConsumer } from './consumer-lag.ts';
import { FoldMember, type FoldConsumerDeps } from './fold-member.ts';

/** How often a partition at rest is compared with Redis, so that a lost Redis is noticed without new events. */
const POSITION_CHECK_MS = 1_000;
/** How often partitions at rest are compared with Kafka. */
const STALL_CHECK_MS = 5_000;
/** All partitions of a fetch at once: they wait for Redis together, in one pipeline. */
const CONCURRENCY = 256;
const BYTES_PER_PARTITION_MAX = 2 * 1_048_576;

/** Starts one member of the fold's group: keeps the views' states in Redis up to date. */
export async function startFoldConsumer(
  deps: FoldConsumerDeps,
  programs: readonly ViewProgram[],
): Promise<RunningConsumer> {
  const member = new FoldMember(deps, programs);
  const consumer = await startMeasuredConsumer(deps, {
    groupId: deps.names.consumerGroup('fold'),
    topics: programs.map((program) => deps.names.viewTopic(program.name, program.version)),
    positionOf: (of) => member.nextOffset(of),
    onAssigned: () => member.forget(),
    onBatch: (batch) => member.onBatch(batch),
    concurrency: CONCURRENCY,
    bytesPerPartitionMax: deps.bytesPerPartitionMax ?? BYTES_PER_PARTITION_MAX,
    ...(deps.sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs: deps.sessionTimeoutMs }),
  });
  let giveUp: (error: unknown) => void = () => undefined;
  const hung = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  // Whoever never awaits `ended` must not bring the process down with an unhandled rejection.
  hung.catch(() => undefined);
  const every = (ms: number, check: () => Promise<void>): NodeJS.Timeout =>
    setInterval(() => {
      check().catch((error: unknown) => {
        if (isMillraceError(error) && error.code === 'STREAM_CONSUMER_HANGS') giveUp(error);
        else deps.logger.warn({ err: error }, 'positions could not be checked');
      });
    }, ms);
  const checks = [
    every(POSITION_CHECK_MS, () => member.checkPositions(consumer)),
    every(deps.stallCheckMs ?? STALL_CHECK_MS, () => member.checkStalls(consumer)),
  ];
  const stopChecks = (): void => checks.forEach(clearInterval);
  const ended = Promise.race([consumer.ended, hung]).finally(stopChecks);
  ended.catch(() => undefined);
  return {
    ended,
    seek: (of, offset) => consumer.seek(of, offset),
    async stop() {
      stopChecks();
      member.stop();
      await consumer.stop();
    },
  };
}
