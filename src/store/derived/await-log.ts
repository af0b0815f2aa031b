import { setTimeout as delay } from 'node:timers/promises';
import type { Names } from '../../contracts/names.ts';
import { derivationOf } from '../../define/derivation.ts';
import type { Source } from '../../define/source.ts';
import type { KafkaClient } from '../../infra/kafka.ts';
import type { Postgres, Queryable } from '../../infra/postgres.ts';
import { readIngestPositions } from '../ingest-positions.ts';
import { readDerivePositions } from './derive-positions.ts';

export interface AwaitLogDeps {
  readonly postgres: Postgres;
  readonly kafka: KafkaClient;
  readonly names: Names;
}

const POLL_MS_MIN = 2;
const POLL_MS_MAX = 100;

/**
 * Waits until the offline log of a source accounts for all that its topic has now. For a derived source, whose topic
 * lags behind what it is made of, that is all that these topics have now: first the log of each, then what is derived of it.
 * @returns partition -> offset up to which the log was waited for
 */
export async function awaitLog(
  deps: AwaitLogDeps,
  source: Source,
  signal: AbortSignal,
): Promise<ReadonlyMap<number, number>> {
  const from = derivationOf(source)?.from;
  if (from !== undefined) {
    await awaitLog(deps, from, signal);
    const derived = () => readDerivePositions(deps.postgres, source.name);
    await awaitPositions(derived, await endsOf(deps, from), Infinity, signal);
  }
  const ends = await endsOf(deps, source);
  await awaitPositions(() => readLogEnds(deps.postgres, source), ends, Infinity, signal);
  return ends;
}

/** Partition -> offset of the first event that the log does not account for. */
export async function readLogEnds(db: Queryable, source: Source): Promise<ReadonlyMap<number, number>> {
  return new Map((await readIngestPositions(db, source.name)).map((p) => [p.partition, p.nextOffset]));
}

/** Partition -> offset that the topic's next message will get. */
async function endsOf({ kafka, names }: AwaitLogDeps, source: Source): Promise<Map<number, number>> {
  const offsets = await kafka.topicOffsets(names.sourceTopic(source.name));
  return new Map(offsets.map(({ partition, end }) => [partition, end]));
}

/**
 * Polls positions until each is at its end.
 * @param deadline of `performance.now()`
 * @returns false where it has passed
 */
export async function awaitPositions(
  read: () => Promise<ReadonlyMap<number, number>>,
  ends: ReadonlyMap<number, number>,
  deadline: number,
  signal: AbortSignal,
): Promise<boolean> {
  for (let pollMs = POLL_MS_MIN; ; pollMs = Math.min(pollMs * 2, POLL_MS_MAX)) {
    signal.throwIfAborted();
    const positions = await read();
    if ([...ends].every(([partition, end]) => (positions.get(partition) ?? 0) >= end)) return true;
    if (performance.now() >= deadline) return false;
    await delay(pollMs, undefined, { signal });
  }
}
