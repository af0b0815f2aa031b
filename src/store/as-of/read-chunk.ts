import type { Source } from '../../define/source.ts';
import type { ViewProgram } from '../../fold/compile-view.ts';
import { groupSpine, KeyedAsOfFold, type KeyedSpine } from '../../fold/keyed-as-of-fold.ts';
import { fieldsOfView } from '../view-events.ts';
import type { EventBlock, EventReader, EventRequest, EventScan, KeyMoments } from './event-reader.ts';
import { blockPreparer, type PrepareBlock } from './prepare-block.ts';
import { joinBlocks, orderByKey } from './sorted-events.ts';
import type { AsOfRequest } from './as-of-mode.ts';

/** Rows that are read together, of views of one entity. */
export interface AsOfChunk {
  /** Distinct entity keys. */
  readonly keys: readonly string[];
  /** By row: the index of its key, or `NO_KEY`. */
  readonly keyIds: Int32Array;
  /** By row: its moment, ms since the epoch. */
  readonly asOf: Float64Array;
}

/** What one view's features were. */
export interface ViewValues {
  /** Row-major in the order of the chunk, `featureNames.length` a row; NaN is null. */
  readonly values: Float64Array;
  /** 1 for each row whose state was older than the view's `maxAge`. */
  readonly stale: Uint8Array;
}

/** Events of a source that are sorted in memory; where a chunk has more, the store sorts them and they stream by. */
export const AS_OF_EVENTS_IN_MEMORY = 2_000_000;

/**
 * Reads the features of a chunk's rows as of their moments. Each source is asked for the events of the chunk's keys
 * only, of each from the longest window before its earliest row to its latest row: a lifetime window reaches back to the first.
 * A chunk thus depends on no other, and its values are the same bits however rows are cut into chunks, because each key's
 * events are folded in the one order that their times and their places in the log give.
 *
 * Memory holds the rows, the states of their keys and at most `eventsInMemory` events.
 * @returns per view of `views`, in their order; a stale row of a view that refuses such reads is null
 * @throws MillraceError STORE_UNAVAILABLE, STORE_QUERY_FAILED, FEATURE_SPINE_INVALID
 */
export async function readChunk(
  events: EventReader,
  views: readonly ViewProgram[],
  chunk: AsOfChunk,
  request: AsOfRequest,
): Promise<ViewValues[]> {
  const spine = groupSpine(chunk.keyIds, chunk.asOf, chunk.keys.length);
  const moments = momentsOf(spine);
  const reads = views.map((view): ViewRead => {
    const values = new Float64Array(chunk.asOf.length * view.featureNames.length);
    const stale = new Uint8Array(chunk.asOf.length);
    return { view, values, stale, fold: new KeyedAsOfFold(view, spine, values, stale) };
  });
  if (chunk.keys.length > 0) {
    const scans = scansOf(reads).map((together) => ({ together, asked: eventRequest(together, { ...chunk, moments }, request) }));
    await events.withScans(
      scans.map(({ asked }) => asked),
      (scan, i) => foldScan(scan, scans[i]!.together, scans[i]!.asked, request),
    );
  }
  for (const { view, values, stale, fold } of reads) {
    fold.finishAll(chunk.keyIds);
    if (view.freshness?.onStale === 'refuse') nullStale(view, values, stale);
  }
  return reads.map(({ values, stale }) => ({ values, stale }));
}

interface ViewRead extends ViewValues {
  readonly view: ViewProgram;
  readonly fold: KeyedAsOfFold;
}

/** Views of one source that find the entity's key in the same fields share a scan. */
function scansOf(reads: readonly ViewRead[]): ViewRead[][] {
  const scans = new Map<Source, Map<string, ViewRead[]>>();
  for (const read of reads) {
    const { source } = read.view.view;
    const ofSource = scans.get(source) ?? new Map<string, ViewRead[]>();
    scans.set(source, ofSource);
    const fields = read.view.keyFields.join('\n');
    ofSource.set(fields, [...(ofSource.get(fields) ?? []), read]);
  }
  return [...scans.values()].flatMap((ofSource) => [...ofSource.values()]);
}

function eventRequest(reads: readonly ViewRead[], chunk: AsOfChunk & Pick<EventRequest, 'moments'>, { mode, dataCut }: AsOfRequest): EventRequest {
  const { view, keyFields } = reads[0]!.view;
  const fields = [...new Set(reads.flatMap((read) => fieldsOfView(read.view)))].filter(
    (name) => !keyFields.includes(name) || reads.some((read) => readsValueOf(read.view, name)),
  );
  return {
    source: view.source,
    keyFields,
    keys: chunk.keys,
    moments: chunk.moments,
    fields,
    visibleBy: mode,
    ...timesOf(Math.max(...reads.map((read) => reachMs(read.view))), chunk.asOf, mode, dataCut),
  };
}

async function foldScan(
  scan: EventScan,
  reads: readonly ViewRead[],
  { keys, fields }: EventRequest,
  { mode, eventsInMemory = AS_OF_EVENTS_IN_MEMORY }: AsOfRequest,
): Promise<void> {
  const folding = reads.map((read) => ({ ...read, prepare: blockPreparer(read.view, fields) }));
  const inMemory = await someEvents(scan, eventsInMemory);
  if (inMemory === null) await scan.ordered((block) => foldBlock(folding, block, null, mode));
  else {
    const block = joinBlocks(inMemory);
    foldBlock(folding, block, orderByKey(block, keys.length, mode), mode);
  }
}

/** Whether an aggregation or a condition reads the field, beside the key. */
const readsValueOf = (program: ViewProgram, name: string): boolean =>
  program.inputGroups.some(({ test, inputs }) => test !== null || inputs.some(({ field }) => field === name));

/** All events of a scan, or null where there are more than may be in memory. */
async function someEvents(scan: EventScan, eventsInMemory: number): Promise<EventBlock[] | null> {
  const blocks: EventBlock[] = [];
  let rows = 0;
  await scan.some(eventsInMemory + 1, (block) => {
    rows += block.rows;
    blocks.push(block);
  });
  return rows > eventsInMemory ? null : blocks;
}

function foldBlock(
  reads: readonly (ViewRead & { readonly prepare: PrepareBlock })[],
  { rows, keyIds, effectiveTime, knownTime, fields }: EventBlock,
  order: Uint32Array | null,
  mode: AsOfRequest['mode'],
): void {
  const visibleAt = mode === 'known' ? knownTime : effectiveTime;
  for (const { view, fold, prepare } of reads) {
    const inputs = prepare(rows, fields);
    const width = view.inputCount;
    for (let n = 0, before = -1; n < rows; n++) {
      const i = order === null ? n : order[n]!;
      const key = keyIds[i]!;
      // Where events come key after key, the state of the last one is free for the next.
      if (order !== null && key !== before && before >= 0) fold.finish(before);
      before = key;
      fold.add(key, effectiveTime[i]!, visibleAt[i]!, inputs, i * width);
    }
  }
}

/** @param spine has a row of each key */
function momentsOf({ asOf, starts, members, keyCount }: KeyedSpine): KeyMoments {
  const moments = { earliest: new Float64Array(keyCount), latest: new Float64Array(keyCount) };
  for (let key = 0; key < keyCount; key++) {
    moments.earliest[key] = asOf[members[starts[key]!]!]!;
    moments.latest[key] = asOf[members[starts[key + 1]! - 1]!]!;
  }
  return moments;
}

function timesOf(
  reach: number,
  asOf: Float64Array,
  mode: AsOfRequest['mode'],
  dataCut: number,
): Pick<EventRequest, 'reachMs' | 'knownAfter' | 'knownTo' | 'happenedTo'> {
  const earliest = asOf.reduce((a, b) => Math.min(a, b), Infinity);
  const latest = asOf.reduce((a, b) => Math.max(a, b), -Infinity);
  // Nothing is known before it happened, so a bound on known times leaves out no event that happened after it.
  const from = { reachMs: reach, ...(reach === Infinity ? {} : { knownAfter: earliest - reach - 1 }) };
  return mode === 'known'
    ? { ...from, knownTo: Math.min(latest, dataCut) }
    : { ...from, knownTo: dataCut, happenedTo: latest };
}

/** How long before a row's moment an event can have become known and still change a feature, or whether one is stale; Infinity for a lifetime. */
export function reachMs({ longestWindowMs, resolutions, freshness }: ViewProgram): number {
  const ages = freshness === null ? [] : [freshness.maxAgeMs, freshness.ttlMs].filter(Number.isFinite);
  return Math.max(longestWindowMs + (resolutions.at(-1)?.hopMs ?? 0), ...ages);
}

function nullStale(view: ViewProgram, values: Float64Array, stale: Uint8Array): void {
  const width = view.featureNames.length;
  stale.forEach((isStale, row) => {
    if (isStale === 1) values.fill(NaN, row * width, (row + 1) * width);
  });
}
