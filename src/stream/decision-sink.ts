import type { Names } from '../contracts/names.ts';
import type { KafkaClient, RunningConsumer } from '../infra/kafka.ts';
import type { PartitionBatch } from '../infra/kafka-consumer.ts';
import type { Logger } from '../infra/logger.ts';
import type { Postgres, Queryable } from '../infra/postgres.ts';
import { startMessageSpan } from '../infra/trace-messages.ts';
import { inSpan, type Tracer } from '../infra/tracing.ts';
import { gatherRows, type DecisionRow } from './decision-rows.ts';
import { insertStorable } from './insert-decisions.ts';
import type { StreamMetrics } from './stream-metrics.ts';

export interface DecisionSinkDeps {
  readonly kafka: KafkaClient;
  readonly postgres: Postgres;
  readonly names: Names;
  readonly logger: Logger;
  readonly metrics: Pick<StreamMetrics, 'decisionsLeftOut'>;
  readonly sessionTimeoutMs?: number;
  /** Absent where tracing is off. */
  readonly tracer?: Tracer | undefined;
}

/** How often partitions at rest are compared with Postgres. */
const POSITION_CHECK_MS = 1_000;
/** Rows of one statement. */
const INSERT_ROWS_MAX = 1_000;

/** What became of a batch: stored, but for some, a message that nobody has any more being one; or, where messages before it are missing, to be read from there. */
type Outcome = { readonly leftOut: number } | { readonly seekTo: number };

/**
 * Starts one member that stores decisions: each once, since the position moves in the transaction of the
 * rows, and a decision that was sent twice has its id twice.
 */
export async function startDecisionSink(deps: DecisionSinkDeps): Promise<RunningConsumer> {
  const topic = deps.names.decisionTopic();
  /** Partition -> position that a transaction of this member has committed. */
  const committed = new Map<number, number>();
  const consumer = await deps.kafka.startConsumer({
    groupId: deps.names.consumerGroup('decisions'),
    topics: [topic],
    positionOf: ({ partition }) => readPosition(deps.postgres, partition),
    onAssigned: () => committed.clear(),
    onBatch: async (batch) => {
      committed.delete(batch.partition);
      const span = startMessageSpan(deps.tracer, 'store decisions', batch.messages);
      const outcome = await inSpan(span, () => storeBatch(deps, batch));
      if ('seekTo' in outcome) return outcome.seekTo;
      committed.set(batch.partition, batch.lastOffset + 1);
      deps.metrics.decisionsLeftOut.inc(outcome.leftOut);
      return undefined;
    },
    ...(deps.sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs: deps.sessionTimeoutMs }),
  });
  /** A crash of Postgres takes back what it had just committed; without new decisions nobody would notice. */
  const check = async (): Promise<void> => {
    for (const [partition, expected] of [...committed]) {
      const found = await readPosition(deps.postgres, partition);
      if (found >= expected || committed.get(partition) !== expected) continue;
      deps.logger.warn({ partition, expected, found }, 'Postgres has lost decisions: storing them again');
      committed.delete(partition);
      consumer.seek({ topic, partition }, found);
    }
  };
  const checks = setInterval(() => {
    check().catch((error: unknown) => deps.logger.warn({ err: error }, 'positions could not be checked'));
  }, POSITION_CHECK_MS);
  const ended = consumer.ended.finally(() => clearInterval(checks));
  ended.catch(() => undefined);
  return { ...consumer, ended };
}

async function storeBatch(deps: DecisionSinkDeps, batch: PartitionBatch): Promise<Outcome> {
  return deps.postgres.transaction(async (tx) => {
    await tx.query('SET LOCAL synchronous_commit = off');
    const next = await lockPosition(tx, batch.partition);
    let leftOut = 0;
    if (batch.fetchedOffset > next) {
      const offsets = await deps.kafka.topicOffsets(batch.topic);
      const earliest = offsets.find((o) => o.partition === batch.partition)?.earliest ?? 0;
      const kept = Math.max(next, earliest);
      if (kept < batch.fetchedOffset) return { seekTo: kept };
      // Decisions have no other source: say what is lost, and go on.
      leftOut = batch.fetchedOffset - next;
      deps.logger.error(
        { partition: batch.partition, from: next, to: batch.fetchedOffset, leftOut },
        'Kafka dropped decisions before they were stored',
      );
    }
    const rows: DecisionRow[] = [];
    for (const message of batch.messages) {
      if (message.offset < next) continue;
      const unstorable = gatherRows(message.value, rows);
      leftOut += unstorable;
      if (unstorable > 0) deps.logger.error({ partition: batch.partition, offset: message.offset, leftOut: unstorable }, 'message is no decision, or has some that are none: left out');
    }
    let stored = 0;
    for (let from = 0; from < rows.length; from += INSERT_ROWS_MAX) {
      stored += await insertStorable(tx, rows.slice(from, from + INSERT_ROWS_MAX), ({ decision: { id } }, error) => {
        leftOut++;
        deps.logger.error({ err: error, partition: batch.partition, decision: id }, 'Postgres refuses a decision: it is left out');
      });
    }
    const nextOffset = Math.max(next, batch.lastOffset + 1);
    await tx.query('UPDATE millrace.decision_positions SET next_offset = $2, stored = stored + $3 WHERE partition = $1', [
      batch.partition,
      nextOffset,
      stored,
    ]);
    return { leftOut };
  });
}

async function readPosition(db: Queryable, partition: number): Promise<number> {
  const [row] = await db.query<{ next: string }>(
    'SELECT next_offset AS next FROM millrace.decision_positions WHERE partition = $1',
    [partition],
  );
  return Number(row?.next ?? 0);
}

/** A member that lost the partition waits here for its successor, then finds the position moved on. */
async function lockPosition(tx: Queryable, partition: number): Promise<number> {
  await tx.query(
    'INSERT INTO millrace.decision_positions (partition, next_offset) VALUES ($1, 0) ON CONFLICT DO NOTHING',
    [partition],
  );
  const [row] = await tx.query<{ next: string }>(
    'SELECT next_offset AS next FROM millrace.decision_positions WHERE partition = $1 FOR UPDATE',
    [partition],
  );
  return Number(row?.next ?? 0);
}
