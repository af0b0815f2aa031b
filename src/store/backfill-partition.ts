import { setTimeout as sleep } from 'node:timers/promises';
import type { ViewProgram } from '../fold/compile-view.ts';
import { applyEvent } from '../fold/view-state.ts';
import { readIngestPositions } from './ingest-positions.ts';
import type { MaterializeDeps } from './materialize.ts';
import { scanEvents } from './offline-log.ts';
import { claimPartition, withinTopic } from './partition-lease.ts';
import { StateCache, stateCacheLimitsDefault } from './state-cache.ts';
import { EventColumnsBuilder, fieldsOfView, type EventColumns } from './view-events.ts';
import type { BackfillProgress, ViewPosition } from './view-position.ts';

/** Offsets of one chunk: what is read, folded and written together, and at most what a second of the rate allows. */
const CHUNK_OFFSETS_MAX = 5_000;

export interface BackfillSlice {
  /** Who fills the version, the same for every slice of it: it may take over from its own dead self at once. */
  readonly owner: string;
  /** Rows of the log that are read in a second, at most. */
  readonly rowsPerSecond: number;
  /** Offsets of a chunk; CHUNK_OFFSETS_MAX unless given. */
  readonly chunkOffsets?: number;
  /** No chunk is begun after this long. */
  readonly sliceMs: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: BackfillState) => void;
}

export interface BackfillState {
  readonly done: boolean;
  /** Rows of the log that were read so far, and that are to be read in all (offsets, where some hold no row). */
  readonly rows: number;
  readonly rowsInAll: number;
  /** Events of this view partition that were folded. */
  readonly events: number;
}

/**
 * Fills one partition of a new view version from the offline log, a chunk of source offsets at a time, for as long as
 * a slice lasts. The next slice goes on where this one ended, in whatever process, however it ended.
 *
 * Why no chunk is done twice and none is lost. The partition's position carries how far each source partition is
 * folded, and one compare-and-set script writes it with the states that the chunk made. A process that is killed
 * before the script has written nothing, and the next one reads the same progress and does the chunk again; killed after
 * it, the next one finds the chunk done. Two at once can't both write: each write changes the text that the other
 * expects. Above the cuts, and for live events meanwhile, what `materializePartitions` says holds: the cuts are
 * the ingest positions when the backfill began, and the live consumer, which lets a version alone until it
 * is filled, goes on from before the oldest frame that its topic has.
 *
 * @throws MillraceError STORE_REBUILD_BUSY while somebody else rebuilds the partition
 */
export async function backfillPartition(
  deps: MaterializeDeps,
  program: ViewProgram,
  partition: number,
  slice: BackfillSlice,
): Promise<BackfillState> {
  const lease = await claimPartition(deps, program, partition, slice.owner, async (found) => {
    if (found !== null && found.rebuild === undefined) return null;
    const own = found?.rebuild?.token === slice.owner ? found.rebuild.backfill : undefined;
    if (found === null || own === undefined) {
      return { base: await withinTopic(deps, program, partition, null), backfill: await begin(deps, program) };
    }
    const { rebuild: _lease, ...base } = found;
    return { base, backfill: own };
  });
  if (lease?.backfill === undefined) return { done: true, rows: 0, rowsInAll: 0, events: 0 };
  let progress = lease.backfill;
  const startedAt = performance.now();
  const cache = new StateCache(program, deps.cacheLimits ?? stateCacheLimitsDefault);
  let rows = 0;
  for (;;) {
    slice.signal?.throwIfAborted();
    const chunk = nextChunk(progress, slice);
    if (chunk === null) {
      await lease.finish(filled(lease.base, progress));
      return stateOf(progress, true);
    }
    if (performance.now() - startedAt >= slice.sliceMs) return stateOf(progress, false);
    const read = await readChunk(deps, program, partition, chunk);
    await foldChunk(deps, program, cache, read.events);
    progress = {
      ...progress,
      next: { ...progress.next, [chunk.sourcePartition]: chunk.to },
      rows: progress.rows + read.rows,
      events: progress.events + read.events.rows,
      newestKnownTime: newest(progress.newestKnownTime, read.events.knownTime),
    };
    await lease.write(cache.encodeDirty(), progress);
    cache.clean();
    rows += read.rows;
    slice.onProgress?.(stateOf(progress, false));
    const dueMs = startedAt + (rows / slice.rowsPerSecond) * 1_000 - performance.now();
    if (dueMs > 0) await sleep(dueMs, undefined, slice.signal === undefined ? {} : { signal: slice.signal });
  }
}

async function begin(deps: MaterializeDeps, program: ViewProgram): Promise<BackfillProgress> {
  const positions = await readIngestPositions(deps.postgres, program.view.source.name);
  return {
    cuts: Object.fromEntries(positions.map((p) => [p.partition, p.nextOffset])),
    next: Object.fromEntries(positions.map((p) => [p.partition, 0])),
    rows: 0,
    events: 0,
    newestKnownTime: null,
  };
}

const filled = (base: ViewPosition, { cuts, newestKnownTime }: BackfillProgress): ViewPosition => ({
  viewOffset: base.viewOffset,
  watermarks: Object.fromEntries(
    Object.entries(cuts).flatMap(([partition, cut]) => (cut > 0 ? [[partition, cut - 1]] : [])),
  ),
  newestKnownTime,
});

interface Chunk {
  readonly sourcePartition: number;
  readonly from: number;
  readonly to: number;
}

function nextChunk(
  { cuts, next }: BackfillProgress,
  { rowsPerSecond, chunkOffsets = CHUNK_OFFSETS_MAX }: BackfillSlice,
): Chunk | null {
  const offsets = Math.max(1, Math.min(chunkOffsets, Math.floor(rowsPerSecond)));
  for (const [partition, cut] of Object.entries(cuts)) {
    const from = next[partition] ?? 0;
    if (from < cut) return { sourcePartition: Number(partition), from, to: Math.min(cut, from + offsets) };
  }
  return null;
}

async function readChunk(
  deps: MaterializeDeps,
  program: ViewProgram,
  partition: number,
  { sourcePartition, from, to }: Chunk,
): Promise<{ rows: number; events: EventColumns }> {
  const builder = new EventColumnsBuilder(program, new Set([partition]));
  let rows = 0;
  await scanEvents(
    deps.postgres,
    program.view.source,
    fieldsOfView(program),
    { sourcePartition, fromOffset: from, beforeOffset: to, order: 'offset' },
    (event) => {
      rows++;
      builder.add(event);
    },
  );
  return { rows, events: builder.take() };
}

async function foldChunk(
  deps: MaterializeDeps,
  program: ViewProgram,
  cache: StateCache,
  events: EventColumns,
): Promise<void> {
  await cache.load(deps.store, events.keys, () => true);
  for (let i = 0; i < events.rows; i++) {
    const key = events.keys[events.keyIds[i] as number] as string;
    const state = cache.get(key);
    if (state === undefined) continue;
    const applied = applyEvent(
      program,
      state,
      events.sourcePartitions[i] as number,
      events.sourceOffsets[i] as number,
      events.effectiveTime[i] as number,
      events.knownTime[i] as number,
      events.inputs,
      i * program.inputCount,
    );
    if (applied) cache.markDirty(key);
  }
}

const newest = (before: number | null, knownTimes: Float64Array): number | null =>
  knownTimes.reduce<number | null>((max, known) => (max === null || known > max ? known : max), before);

function stateOf(progress: BackfillProgress, done: boolean): BackfillState {
  return {
    done,
    rows: progress.rows,
    rowsInAll: Object.values(progress.cuts).reduce((sum, cut) => sum + cut, 0),
    events: progress.events,
  };
}
