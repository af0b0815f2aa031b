import { assertInvariant } from '../core/assert-invariant.ts';
import type { Source } from '../define/source.ts';
import type { Postgres } from '../infra/postgres.ts';
import { advanceIngestPositions, type IngestAdvance } from '../store/ingest-positions.ts';
import { sortBySource } from '../store/log-table.ts';
import { appendEvents, type LoggedEvent } from '../store/offline-log.ts';
import { insertDeadLetters, type DeadLetter } from './dead-letter.ts';
import { GroupCommit } from './group-commit.ts';
import type { ParsedEvent } from './parse-message.ts';

/** One batch of a source partition, ready for the offline log. */
export interface LogBatch {
  readonly source: Source;
  readonly advance: IngestAdvance;
  readonly events: readonly ParsedEvent[];
  readonly deadLetters: readonly DeadLetter[];
}

/** Rows of one transaction. */
const GROUP_ROWS_MAX = 20_000;

/**
 * Stores batches: rows, dead letters and positions in one transaction. Batches that come in while one
 * is under way share the next.
 */
export class LogWriter {
  readonly #commit: GroupCommit<LogBatch, boolean>;

  constructor(postgres: Postgres) {
    this.#commit = new GroupCommit(
      (batches) => storeBatches(postgres, batches),
      (batch) => batch.events.length + batch.deadLetters.length,
      GROUP_ROWS_MAX,
    );
  }

  /**
   * @returns false where the stored position is not the expected one: another member has the partition
   * @throws MillraceError STORE_UNAVAILABLE: the batch may be stored or not; read the position again
   */
  store(batch: LogBatch): Promise<boolean> {
    return this.#commit.add(batch);
  }
}

async function storeBatches(postgres: Postgres, batches: readonly LogBatch[]): Promise<boolean[]> {
  const slots = new Set(batches.map(({ advance }) => slotOf(advance)));
  assertInvariant(slots.size === batches.length, 'a source partition has one batch under way');
  return postgres.transaction(async (tx) => {
    const moved = new Set(
      (
        await advanceIngestPositions(
          tx,
          batches.map((b) => b.advance),
        )
      ).map(slotOf),
    );
    const winners = batches.filter(({ advance }) => moved.has(slotOf(advance)));
    for (const [source, events] of eventsBySource(winners)) await appendEvents(tx, source, events);
    await insertDeadLetters(
      tx,
      winners.flatMap((batch) => batch.deadLetters),
    );
    return batches.map(({ advance }) => moved.has(slotOf(advance)));
  });
}

function eventsBySource(batches: readonly LogBatch[]): Map<Source, LoggedEvent[]> {
  const bySource = new Map<Source, LoggedEvent[]>();
  for (const { source, events } of sortBySource(batches, ({ source }) => source.name)) {
    const list = bySource.get(source);
    if (list === undefined) bySource.set(source, [...events]);
    else for (const event of events) list.push(event);
  }
  return bySource;
}

const slotOf = (of: { readonly source: string; readonly partition: number }): string =>
  `${of.source}/${of.partition}`;
