import { randomUUID } from 'node:crypto';
import type { ViewProgram } from '../fold/compile-view.ts';
import { applyLogged } from '../fold/view-state.ts';
import type { Postgres } from '../infra/postgres.ts';
import { readIngestPositions, type IngestPosition } from './ingest-positions.ts';
import { scanEvents } from './offline-log.ts';
import { claimPartition, withinTopic, type LeaseDeps } from './partition-lease.ts';
import { StateCache, stateCacheLimitsDefault, type StateCacheLimits } from './state-cache.ts';
import { EventColumnsBuilder, fieldsOfView, type EventColumns } from './view-events.ts';
import { WaitingStates } from './waiting-states.ts';
import { watermarkOf, type ViewPosition } from './view-position.ts';

export interface MaterializeDeps extends LeaseDeps {
  readonly postgres: Postgres;
  readonly cacheLimits?: StateCacheLimits;
}

export interface MaterializeProgress {
  readonly keys: number;
  readonly events: number;
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
 * Rebuilds one view partition's states from the offline log while live events flow; none is missed and
 * none counted twice.
 *
 * Why that holds. Let c(p) be the ingest position of source partition p, read first. The log holds
 * every accepted event of p below c(p) and those rows never change, so the states built here hold exactly
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
 * Nobody else writes meanwhile: the rebuild holds the partition's lease (`claimPartition`). One that dies leaves it; it
 * ends, and the next consumer or rebuild starts over.
 *
 * @throws MillraceError STORE_REBUILD_BUSY while another rebuild of the partition holds the lease, or takes it over
 */
export async function materializePartition(
  deps: MaterializeDeps,
  program: ViewProgram,
  partition: number,
  options: MaterializeOptions = {},
): Promise<MaterializeProgress> {
  const lease = await claimPartition(deps, program, partition, randomUUID(), async (found) => ({
    base: await withinTopic(deps, program, partition, found),
  }));
  const cuts = await awaitLog(deps, program, lease.base, options.signal);
  const cache = new StateCache(program, deps.cacheLimits ?? stateCacheLimitsDefault);
  /** Keys written by this rebuild: for all others, what Redis holds is from before and is not read. */
  const written = new Set<string>();
  let events = 0;
  let newestKnownTime = -Infinity;

  const waiting = new WaitingStates(cache, (states) => lease.write(states));
  const writeStates = async (): Promise<void> => {
    for (const key of await waiting.flush(options.signal)) written.add(key);
    if (lease.isDue) await lease.write([]);
    options.onProgress?.({ keys: written.size, events });
  };

  const foldBlock = async (block: EventColumns): Promise<void> => {
    options.signal?.throwIfAborted();
    const keys = new Set(block.keys);
    await cache.load(deps.store, keys, (key) => written.has(key));
    newestKnownTime = Math.max(newestKnownTime, applyBlock(program, cache, block));
    waiting.add(keys);
    events += block.rows;
    if (waiting.isFull || lease.isDue) await writeStates();
    else options.onProgress?.({ keys: written.size, events });
  };

  for (const cut of cuts) {
    const builder = new EventColumnsBuilder(program);
    const filter = { sourcePartition: cut.partition, beforeOffset: cut.nextOffset, order: 'offset' } as const;
    await scanEvents(
      deps.postgres,
      program.view.source,
      fieldsOfView(program),
      filter,
      (event) => builder.add(event, partition),
      async () => {
        options.signal?.throwIfAborted();
        // A long log may have few events of one partition: the lease is renewed all the same.
        if (builder.rows >= BLOCK_EVENTS || lease.isDue) await foldBlock(builder.take());
      },
    );
    await foldBlock(builder.take());
  }
  await writeStates();
  await lease.finish({
    viewOffset: lease.base.viewOffset,
    watermarks: Object.fromEntries(
      cuts.filter((c) => c.nextOffset > 0).map((c) => [c.partition, c.nextOffset - 1]),
    ),
    newestKnownTime: newestKnownTime === -Infinity ? null : newestKnownTime,
  });
  return { keys: written.size, events };
}

/** Folds a block into states that the cache has; answers its newest known time. */
function applyBlock(program: ViewProgram, cache: StateCache, block: EventColumns): number {
  let newestKnownTime = -Infinity;
  for (let i = 0; i < block.rows; i++) {
    const state = cache.get(block.keys[i] as string);
    if (state === undefined) continue;
    const known = block.knownTime[i] as number;
    applyLogged(
      program,
      state,
      block.sourcePartitions[i] as number,
      block.sourceOffsets[i] as number,
      block.effectiveTime[i] as number,
      known,
      block.inputs,
      i * program.inputCount,
    );
    if (known > newestKnownTime) newestKnownTime = known;
  }
  return newestKnownTime;
}

/** Waits until the log has every event that the frames up to `base` have; answers its positions. */
async function awaitLog(
  deps: MaterializeDeps,
  program: ViewProgram,
  base: ViewPosition,
  signal: AbortSignal | undefined,
): Promise<IngestPosition[]> {
  const giveUpAt = performance.now() + LOG_WAIT_MS_MAX;
  for (;;) {
    signal?.throwIfAborted();
    const positions = await readIngestPositions(deps.postgres, program.view.source.name);
    const isThere = positions.every((p) => p.nextOffset > watermarkOf(base, p.partition));
    if (isThere || performance.now() > giveUpAt) return positions;
    await new Promise((resolve) => setTimeout(resolve, LOG_POLL_MS));
  }
}
