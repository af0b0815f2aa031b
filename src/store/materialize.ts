import { randomUUID } from 'node:crypto';
import type { ViewProgram } from '../fold/compile-view.ts';
import { partitionOf } from '../fold/partition-of.ts';
import { applyLogged, type ViewState } from '../fold/view-state.ts';
import type { Postgres } from '../infra/postgres.ts';
import { readIngestPositions, type IngestPosition } from './ingest-positions.ts';
import { scanEvents } from './offline-log.ts';
import { LeasedPartitions } from './leased-partitions.ts';
import type { LeaseDeps } from './partition-lease.ts';
import { RebuiltStates, type RebuiltState } from './rebuilt-states.ts';
import { stateCacheLimitsDefault, type StateCacheLimits } from './state-cache.ts';
import { EventColumnsBuilder, fieldsOfView, type EventColumns } from './view-events.ts';
import { watermarkOf } from './view-position.ts';

export interface MaterializeDeps extends LeaseDeps {
  readonly postgres: Postgres;
  readonly cacheLimits?: StateCacheLimits;
}

export interface MaterializeProgress {
  readonly keys: number;
  readonly events: number;
}

export interface MaterializeResult extends MaterializeProgress {
  /** Partitions that were not rebuilt, since somebody else rebuilds them or took them over. */
  readonly busy: readonly number[];
}

export interface MaterializeOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: MaterializeProgress) => void;
}

/** Frames are sent before the log commits; it follows within one batch. */
const LOG_WAIT_MS_MAX = 10_000;
const LOG_POLL_MS = 20;
/** Events prepared before they are folded. */
const BLOCK_EVENTS = 5_000;

/**
 * Rebuilds states of view partitions from the offline log, in one pass over it, while live events flow; none is missed and
 * none counted twice.
 *
 * Why that holds for each of them. Let c(p) be the ingest position of source partition p, read once the partitions are held.
 * The log holds every accepted event of p below c(p) and those rows never change, so the states built here hold exactly
 * the partition's events below c(p), each key's fence at its last one. The final position says
 * watermark(p) = c(p) - 1 and names a view offset V to go on from. After it the live consumer folds all
 * frames beyond V:
 *
 * 1. A frame that repeats an event below c(p) changes nothing: the key's fence is at or beyond it.
 * 2. An event at or above c(p) must lie in a frame beyond V. V is where the live consumer stood when the
 *    rebuild began: the frames up to there reach the old watermarks, and the rebuild waits until the log
 *    has passed those. Where the old position is lost, V lies before Kafka's oldest frame.
 * 3. Should a frame still be missing (Kafka dropped it, or ingest stood still during the wait), the next
 *    frame of p begins beyond watermark(p) + 1, which the consumer notices and rebuilds again.
 *
 * Nobody else writes meanwhile: the rebuild holds the partitions' leases (`claimPartition`). One that dies leaves them; they
 * end, and the next consumer or rebuild starts over.
 */
export async function materializePartitions(
  deps: MaterializeDeps,
  program: ViewProgram,
  partitions: readonly number[],
  options: MaterializeOptions = {},
): Promise<MaterializeResult> {
  const leased = await LeasedPartitions.claim(deps, program, partitions, randomUUID());
  const rebuild = new Rebuild(deps, program, leased, options);
  const cuts = leased.count === 0 ? [] : await awaitLog(deps, program, leased, options.signal);
  for (const cut of cuts) await rebuild.read(cut);
  await rebuild.finish(cuts);
  return { ...rebuild.progress, busy: leased.busy };
}

class Rebuild {
  readonly #deps: MaterializeDeps;
  readonly #program: ViewProgram;
  readonly #leased: LeasedPartitions;
  readonly #options: MaterializeOptions;
  readonly #states: RebuiltStates;
  readonly #newestKnownTimes: Float64Array;
  #events = 0;

  constructor(deps: MaterializeDeps, program: ViewProgram, leased: LeasedPartitions, options: MaterializeOptions) {
    this.#deps = deps;
    this.#program = program;
    this.#leased = leased;
    this.#options = options;
    this.#states = new RebuiltStates(program, deps.store, deps.cacheLimits ?? stateCacheLimitsDefault);
    this.#newestKnownTimes = new Float64Array(program.partitions).fill(-Infinity);
  }

  get progress(): MaterializeProgress {
    return { keys: this.#states.written, events: this.#events };
  }

  /** Folds what the log has of a source partition below its cut. */
  async read(cut: IngestPosition): Promise<void> {
    const builder = new EventColumnsBuilder(this.#program, this.#leased);
    await scanEvents(
      this.#deps.postgres,
      this.#program.view.source,
      fieldsOfView(this.#program),
      { sourcePartition: cut.partition, beforeOffset: cut.nextOffset, order: 'offset' },
      (event) => builder.add(event),
      async () => {
        this.#options.signal?.throwIfAborted();
        if (builder.rows >= BLOCK_EVENTS) await this.#fold(builder.take());
        // A long log may have few events of a partition: its lease is renewed all the same.
        await this.#leased.renew();
      },
    );
    await this.#fold(builder.take());
  }

  async finish(cuts: readonly IngestPosition[]): Promise<void> {
    await this.#write();
    const watermarks = Object.fromEntries(
      cuts.filter((cut) => cut.nextOffset > 0).map((cut) => [cut.partition, cut.nextOffset - 1]),
    );
    await this.#leased.finish(({ viewOffset }, partition) => {
      const newest = this.#newestKnownTimes[partition]!;
      return { viewOffset, watermarks, newestKnownTime: newest === -Infinity ? null : newest };
    });
  }

  async #fold(block: EventColumns): Promise<void> {
    await this.#states.update(block.keys, (states) => this.#apply(block, states));
    this.#events += block.rows;
    if (this.#states.isFull) await this.#write();
    this.#options.onProgress?.(this.progress);
  }

  #write(): Promise<void> {
    return this.#states.flush(async (states) => {
      this.#noteNewest(states);
      await this.#leased.write(states);
    }, this.#options.signal);
  }

  #apply(block: EventColumns, states: readonly ViewState[]): void {
    const program = this.#program;
    for (let i = 0; i < block.rows; i++) {
      applyLogged(
        program,
        states[block.keyIds[i] as number] as ViewState,
        block.sourcePartitions[i] as number,
        block.sourceOffsets[i] as number,
        block.effectiveTime[i] as number,
        block.knownTime[i] as number,
        block.inputs,
        i * program.inputCount,
      );
    }
  }

  #noteNewest(states: readonly RebuiltState[]): void {
    const newest = this.#newestKnownTimes;
    for (const { entityKey, newestKnownTime } of states) {
      const partition = partitionOf(entityKey, this.#program.partitions);
      newest[partition] = Math.max(newest[partition]!, newestKnownTime);
    }
  }
}

/** Waits until the log has every event that the frames up to where the partitions stood have; answers its positions. */
async function awaitLog(
  { postgres }: MaterializeDeps,
  program: ViewProgram,
  leased: LeasedPartitions,
  signal: AbortSignal | undefined,
): Promise<IngestPosition[]> {
  const giveUpAt = performance.now() + LOG_WAIT_MS_MAX;
  const { bases } = leased;
  for (;;) {
    signal?.throwIfAborted();
    const positions = await readIngestPositions(postgres, program.view.source.name);
    const isThere = positions.every((p) => bases.every((base) => p.nextOffset > watermarkOf(base, p.partition)));
    if (isThere || performance.now() > giveUpAt) return positions;
    await new Promise((resolve) => setTimeout(resolve, LOG_POLL_MS));
  }
}
