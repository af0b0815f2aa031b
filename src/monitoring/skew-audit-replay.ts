import type { FeatureView } from '../define/feature-view.ts';
import { LIFETIME_MS } from '../define/hop-ladder.ts';
import { compileView, prepareEvent, viewKeyOf, type ViewProgram } from '../fold/compile-view.ts';
import { createState, foldEvent, readFeatures, type ViewState } from '../fold/view-state.ts';
import { entityKeyOf } from '../define/entity.ts';
import type { Queryable } from '../infra/postgres.ts';
import { TIMESTAMP_MS_MAX, TIMESTAMP_MS_MIN } from '../store/copy-binary.ts';
import { scanEvents, type LogFilter } from '../store/offline-log.ts';
import { fieldsOfView } from '../store/view-events.ts';
import type { TwinRow } from '../store/sql/view-twin.ts';
import type { Visibility } from '../store/sql/visible-events.ts';

/** An event of one key, its inputs prepared. */
interface ReplayedEvent {
  readonly sourcePartition: number;
  readonly sourceOffset: number;
  readonly effectiveTime: number;
  readonly knownTime: number;
  readonly inputs: Float64Array;
}

/**
 * The features of each row by a fold of its own over the raw rows of the offline log, in the order of offsets or of
 * known times, without any state that served. Row-major in the order of the view, NaN is null.
 *
 * Holds the events that the rows' windows reach in memory; of a lifetime, all that the log has of the rows' keys.
 */
export async function replayRows(
  db: Queryable,
  view: FeatureView,
  rows: readonly TwinRow[],
  visibilities: readonly Visibility[],
): Promise<Float64Array[]> {
  const program = keepingTiles(compileView(view));
  const keys = rows.map(({ key }) => joinedKey(view, key));
  const events = await readEvents(db, program, keys, rows);
  const rowsOf = groupBy(
    rows.map((_, row) => row),
    (row) => keys[row] ?? null,
  );
  const width = program.featureNames.length;
  return visibilities.map((visibility) => {
    const out = new Float64Array(rows.length * width);
    for (const [key, own] of rowsOf) {
      const inOrder = own.toSorted((a, b) => (rows[a] as TwinRow).asOf - (rows[b] as TwinRow).asOf);
      const replay = new KeyReplay(program, visibility, key === null ? [] : (events.get(key) ?? []));
      for (const row of inOrder) replay.read(rows[row] as TwinRow, out, row * width);
    }
    return out;
  });
}

/** A fold that serves drops what no later read needs; here rows of all moments are read from what is left. */
const keepingTiles = (program: ViewProgram): ViewProgram => ({
  ...program,
  resolutions: program.resolutions.map((resolution) => ({ ...resolution, retainMs: Number.MAX_VALUE })),
});

/** The entity key as the fold has it; null where a part is. */
const joinedKey = ({ entity }: FeatureView, key: TwinRow['key']): string | null =>
  entityKeyOf(entity.keys, Object.fromEntries(entity.keys.map((name, i) => [name, key[i] ?? null])));

async function readEvents(
  db: Queryable,
  program: ViewProgram,
  keys: readonly (string | null)[],
  rows: readonly TwinRow[],
): Promise<Map<string, ReplayedEvent[]>> {
  const wanted = new Set(keys);
  const events: (ReplayedEvent & { readonly key: string })[] = [];
  const { view } = program;
  await scanEvents(db, view.source, fieldsOfView(program), reachOf(program, rows), (event) => {
    const key = viewKeyOf(program, event.row);
    if (key === null || !wanted.has(key)) return;
    const inputs = new Float64Array(program.inputCount);
    prepareEvent(program, event.row, inputs, 0);
    const { sourcePartition, sourceOffset, effectiveTime, knownTime } = event;
    events.push({ key, sourcePartition, sourceOffset, effectiveTime, knownTime, inputs });
  });
  return groupBy(events, (event) => event.key);
}

function groupBy<T, K>(all: readonly T[], keyOf: (one: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const one of all) {
    const group = groups.get(keyOf(one));
    if (group === undefined) groups.set(keyOf(one), [one]);
    else group.push(one);
  }
  return groups;
}

/** From the head of the earliest window to the end of the latest tile; an event is never known before it is effective. */
function reachOf({ resolutions, longestWindowMs }: ViewProgram, rows: readonly TwinRow[]): LogFilter {
  const longestHopMs = Math.max(...resolutions.map(({ hopMs }) => hopMs));
  if (longestWindowMs === LIFETIME_MS) return { order: 'any' };
  const earliest = rows.reduce((least, { asOf }) => Math.min(least, asOf), Infinity);
  const latest = rows.reduce((greatest, { asOf }) => Math.max(greatest, asOf), -Infinity);
  return {
    order: 'any',
    knownAfter: Math.max(earliest - longestWindowMs - longestHopMs, TIMESTAMP_MS_MIN),
    happenedTo: Math.min(latest + longestHopMs, TIMESTAMP_MS_MAX),
  };
}

/** Events in one order, of which a row sees those up to a limit. */
interface Queue {
  readonly events: readonly ReplayedEvent[];
  readonly positionOf: (event: ReplayedEvent) => number;
  readonly limitOf: (row: TwinRow) => number;
  next: number;
  limit: number;
}

/** The reads of one key, in order of their moments: the state goes on from row to row while nothing is taken back. */
class KeyReplay {
  readonly #program: ViewProgram;
  readonly #queues: readonly Queue[];
  #state: ViewState;

  constructor(program: ViewProgram, visibility: Visibility, events: readonly ReplayedEvent[]) {
    this.#program = program;
    this.#queues = visibility === 'known' ? [knownQueue(events)] : fenceQueues(events);
    this.#state = createState(program);
  }

  read(row: TwinRow, out: Float64Array, at: number): void {
    const limits = this.#queues.map((queue) => queue.limitOf(row));
    if (this.#queues.some((queue, i) => (limits[i] as number) < queue.limit)) {
      this.#state = createState(this.#program);
      for (const queue of this.#queues) queue.next = 0;
    }
    this.#queues.forEach((queue, i) => this.#advance(queue, limits[i] as number));
    readFeatures(this.#program, this.#state, row.asOf, out, at);
  }

  #advance(queue: Queue, limit: number): void {
    queue.limit = limit;
    for (; queue.next < queue.events.length; queue.next++) {
      const event = queue.events[queue.next] as ReplayedEvent;
      if (queue.positionOf(event) > limit) return;
      foldEvent(this.#program, this.#state, event.effectiveTime, event.knownTime, event.inputs, 0);
    }
  }
}

const knownQueue = (events: readonly ReplayedEvent[]): Queue => ({
  events: events.toSorted((a, b) => a.knownTime - b.knownTime),
  positionOf: (event) => event.knownTime,
  limitOf: (row) => row.asOf,
  next: 0,
  limit: -Infinity,
});

const fenceQueues = (events: readonly ReplayedEvent[]): Queue[] =>
  [...groupBy(events, (event) => event.sourcePartition)].map(([partition, own]) => ({
    events: own.toSorted((a, b) => a.sourceOffset - b.sourceOffset),
    positionOf: (event) => event.sourceOffset,
    limitOf: (row) => row.fence?.[partition] ?? -1,
    next: 0,
    limit: -Infinity,
  }));
