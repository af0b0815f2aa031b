import type { ViewProgram } from '../fold/compile-view.ts';
import { encodeState } from '../fold/state-codec.ts';
import { applyEvent, createState, type ViewState } from '../fold/view-state.ts';
import type { Queryable } from '../infra/postgres.ts';
import { readIngestPositions } from './ingest-positions.ts';
import { scanEvents } from './offline-log.ts';
import { countLogRows, type LogRows } from './sample-keys.ts';
import { EventColumnsBuilder, fieldsOfView } from './view-events.ts';

/** Newest rows of the log that are folded, without being written, to measure with. */
export const ESTIMATE_ROWS_MAX = 20_000;
/** Partitions that a backfill fills at a time. */
const LANES = 2;
const MINUTE_MS = 60_000;

export interface BackfillEstimate {
  readonly rows: number;
  readonly rowsHow: LogRows['how'];
  /** Of the log's table. */
  readonly logBytes: number;
  /** Entity keys with a state, and bytes of all their states in Redis, keys' names not counted. */
  readonly keys: number;
  /** `counted`: the sample is the whole log; `estimated`: from keys that the sample has once and twice (Chao 1984). */
  readonly keysHow: 'counted' | 'estimated';
  readonly stateBytes: number;
  readonly minutes: number;
  /** What was measured with: rows of the sample, and rows read and folded in a second by this machine. */
  readonly sampleRows: number;
  readonly rowsPerSecond: number;
}

/**
 * What filling a version of a view would take, from folding the newest rows of the log here and now. Writes to Redis
 * are not in the measured rate, and states of keys with more history than the sample has are larger.
 * @param rowsPerSecondMax what the backfill allows itself
 */
export async function estimateBackfill(
  db: Queryable,
  program: ViewProgram,
  rowsPerSecondMax: number,
): Promise<BackfillEstimate> {
  const { rows, how, bytes } = await countLogRows(db, program.view.source.name);
  const startedAt = performance.now();
  const { sampleRows, eventsOf, states } = await foldSample(db, program);
  const sampleBytes = [...states.values()].reduce(
    (sum, state) => sum + encodeState(program, state).byteLength,
    0,
  );
  const seconds = Math.max(1e-3, (performance.now() - startedAt) / 1_000);
  const rowsPerSecond = Math.round(sampleRows / seconds);
  const isWhole = sampleRows >= rows;
  const keys = isWhole ? states.size : Math.min(rows, chao(eventsOf));
  const reading = Math.min(rowsPerSecondMax, Math.max(1, rowsPerSecond) * Math.min(LANES, program.partitions));
  return {
    rows,
    rowsHow: how,
    logBytes: bytes,
    keys,
    keysHow: isWhole ? 'counted' : 'estimated',
    stateBytes: states.size === 0 ? 0 : Math.round((sampleBytes / states.size) * keys),
    minutes: sampleRows === 0 ? 0 : ((rows * program.partitions) / reading) * (1_000 / MINUTE_MS),
    sampleRows,
    rowsPerSecond,
  };
}

async function foldSample(
  db: Queryable,
  program: ViewProgram,
): Promise<{ sampleRows: number; eventsOf: ReadonlyMap<string, number>; states: ReadonlyMap<string, ViewState> }> {
  const positions = await readIngestPositions(db, program.view.source.name);
  const states = new Map<string, ViewState>();
  const eventsOf = new Map<string, number>();
  const share = Math.ceil(ESTIMATE_ROWS_MAX / Math.max(1, positions.length));
  let sampleRows = 0;
  for (const { partition, nextOffset } of positions) {
    const builder = new EventColumnsBuilder(program);
    const filter = {
      sourcePartition: partition,
      fromOffset: Math.max(0, nextOffset - share),
      beforeOffset: nextOffset,
      order: 'offset',
    } as const;
    await scanEvents(db, program.view.source, fieldsOfView(program), filter, (event) => {
      sampleRows++;
      builder.add(event);
    });
    const events = builder.take();
    for (let i = 0; i < events.rows; i++) {
      const key = events.keys[events.keyIds[i] as number] as string;
      let state = states.get(key);
      if (state === undefined) states.set(key, (state = createState(program)));
      eventsOf.set(key, (eventsOf.get(key) ?? 0) + 1);
      const offset = events.sourceOffsets[i] as number;
      const known = events.knownTime[i] as number;
      const effective = events.effectiveTime[i] as number;
      applyEvent(program, state, partition, offset, effective, known, events.inputs, i * program.inputCount);
    }
  }
  return { sampleRows, eventsOf, states };
}

/** Lower bound of how many different keys there are, from how many a sample has once and twice: Chao 1984. */
function chao(eventsOf: ReadonlyMap<string, number>): number {
  let once = 0;
  let twice = 0;
  for (const events of eventsOf.values()) {
    if (events === 1) once++;
    if (events === 2) twice++;
  }
  const unseen = twice > 0 ? (once * once) / (2 * twice) : (once * (once - 1)) / 2;
  return Math.round(eventsOf.size + unseen);
}
