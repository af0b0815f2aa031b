import type { Decision } from '../contracts/decision.ts';
import { ARM_VARIANT_PATTERN } from '../contracts/experiment.ts';
import type { Names } from '../contracts/names.ts';
import type { KafkaClient, RunningConsumer } from '../infra/kafka.ts';
import type { PartitionBatch } from '../infra/kafka-consumer.ts';
import type { Logger } from '../infra/logger.ts';
import type { Postgres, Queryable } from '../infra/postgres.ts';
import { startMessageSpan } from '../infra/trace-messages.ts';
import { inSpan, type Tracer } from '../infra/tracing.ts';
import { readDecisionFrame } from '../store/decision-frame.ts';

export interface DecisionSinkDeps {
  readonly kafka: KafkaClient;
  readonly postgres: Postgres;
  readonly names: Names;
  readonly logger: Logger;
  readonly sessionTimeoutMs?: number;
  /** Absent where tracing is off. */
  readonly tracer?: Tracer | undefined;
}

/** How often partitions at rest are compared with Postgres. */
const POSITION_CHECK_MS = 1_000;
/** Rows of one statement. */
const INSERT_ROWS_MAX = 1_000;

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
      const seekTo = await inSpan(span, () => storeBatch(deps, batch));
      if (seekTo === undefined) committed.set(batch.partition, batch.lastOffset + 1);
      return seekTo;
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

async function storeBatch(deps: DecisionSinkDeps, batch: PartitionBatch): Promise<number | undefined> {
  return deps.postgres.transaction(async (tx) => {
    await tx.query('SET LOCAL synchronous_commit = off');
    const next = await lockPosition(tx, batch.partition);
    if (batch.fetchedOffset > next) {
      const offsets = await deps.kafka.topicOffsets(batch.topic);
      const earliest = offsets.find((o) => o.partition === batch.partition)?.earliest ?? 0;
      if (next >= earliest) return next;
      // Decisions have no other source: say what is lost, and go on.
      deps.logger.error(
        { partition: batch.partition, from: next, to: earliest },
        'Kafka dropped decisions before they were stored',
      );
    }
    const rows: DecisionRow[] = [];
    for (const message of batch.messages) {
      if (message.offset < next) continue;
      const leftOut = gatherRows(message.value, rows);
      if (leftOut > 0) deps.logger.error({ partition: batch.partition, offset: message.offset, leftOut }, 'message is no decision, or has some that are none: left out');
    }
    let stored = 0;
    for (let from = 0; from < rows.length; from += INSERT_ROWS_MAX) {
      stored += await insertDecisions(tx, rows.slice(from, from + INSERT_ROWS_MAX));
    }
    const nextOffset = Math.max(next, batch.lastOffset + 1);
    await tx.query('UPDATE millrace.decision_positions SET next_offset = $2, stored = stored + $3 WHERE partition = $1', [
      batch.partition,
      nextOffset,
      stored,
    ]);
    return undefined;
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

/** A decision, and what of it has no column of its own. */
interface DecisionRow {
  readonly decision: Decision;
  readonly body: string;
}

/** Adds the decisions of a message that can be stored. @returns how many can't; one for a message that can't be read at all */
function gatherRows(value: Buffer | null, into: DecisionRow[]): number {
  const found = readMessage(value);
  if (found === undefined) return 1;
  let leftOut = 0;
  for (const decision of found) {
    const { digest, unit, instance, categories, reads, latencyMs } = decision;
    const body = JSON.stringify({ digest, unit, instance, categories, reads, latencyMs });
    if (isStorable(decision, body)) into.push({ decision, body });
    else leftOut++;
  }
  return leftOut;
}

/** Earlier releases sent each decision as JSON. */
function readMessage(value: Buffer | null): Decision[] | undefined {
  try {
    if (value === null || value.length === 0) return undefined;
    return value[0] === JSON_START ? [JSON.parse(value.toString()) as Decision] : readDecisionFrame(value);
  } catch {
    return undefined;
  }
}

const JSON_START = '{'.charCodeAt(0);

/** Neither texts nor jsonb take NUL. */
const isStorable = (decision: Decision, body: string): boolean =>
  [decision.id, decision.model, decision.exampleId ?? ''].every((text) => typeof text === 'string' && !text.includes('\0')) &&
  !body.includes('\\u0000') &&
  typeof decision.version === 'number' &&
  typeof decision.asOf === 'number' &&
  typeof decision.servedAt === 'number' &&
  typeof decision.score === 'number' &&
  typeof decision.numbers === 'string' &&
  isStorableVariant(decision.variant);

const isStorableVariant = (variant: unknown): boolean =>
  variant === 'champion' || variant === 'canary' || (typeof variant === 'string' && ARM_VARIANT_PATTERN.test(variant));

/** @returns how many were new */
async function insertDecisions(tx: Queryable, rows: readonly DecisionRow[]): Promise<number> {
  const decisions = rows.map(({ decision }) => decision);
  const [row] = await tx.query<{ stored: number }>(
    `WITH new AS (INSERT INTO millrace.decisions
       (id, model, version, variant, example_id, as_of, served_at, score, shadow_version, shadow_score, numbers, body)
     SELECT id, model, version, variant, example_id, to_timestamp(as_of / 1000), to_timestamp(served_at / 1000), score,
            shadow_version, shadow_score, decode(numbers, 'base64'), body
     FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[], $6::float8[], $7::float8[], $8::float8[],
                 $9::int[], $10::float8[], $11::text[], $12::jsonb[])
       AS d(id, model, version, variant, example_id, as_of, served_at, score, shadow_version, shadow_score, numbers, body)
     ON CONFLICT (id) DO NOTHING RETURNING 1)
     SELECT count(*)::int AS stored FROM new`,
    [
      decisions.map((d) => d.id),
      decisions.map((d) => d.model),
      decisions.map((d) => d.version),
      decisions.map((d) => d.variant),
      decisions.map((d) => d.exampleId),
      decisions.map((d) => d.asOf),
      decisions.map((d) => d.servedAt),
      decisions.map((d) => d.score),
      decisions.map((d) => d.shadow?.version ?? null),
      decisions.map((d) => d.shadow?.score ?? null),
      decisions.map((d) => d.numbers),
      rows.map(({ body }) => body),
    ],
  );
  return row?.stored ?? 0;
}
