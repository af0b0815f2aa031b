import path from 'node:path';
import type { ViewProgram } from '../../fold/compile-view.ts';
import { fieldsOfView } from '../view-events.ts';
import type { AsOfMode } from './as-of-mode.ts';
import type { OtherTypes } from './spine-types.ts';

/**
 * How a read of history is cut.
 *
 * The spine's rows go, per group of views that share an entity's key, into buckets by a hash of their key; a bucket is cut
 * into parts of at most `rowsMax` rows in the order of the spine, so that a spine in the order of time is cut by time too, and
 * no part grows beyond its bound even where one key has all rows. A chunk is some parts that are read together: it holds their
 * rows and its sorted events within the memory budget, and depends on no other chunk (`readChunk`).
 */
export interface RunPlan {
  /** What the caller names the run by. */
  readonly run: string;
  /** Rows of the spine. */
  readonly rows: number;
  readonly rowsAfterDataCut: number;
  /** Ms since the epoch; null where nothing was known. */
  readonly dataCut: number | null;
  readonly spineSha256: string;
  /** Types of the spine's columns that nobody asked for. */
  readonly otherTypes: OtherTypes;
  /** Greatest number of rows of a part. */
  readonly rowsMax: number;
  readonly chunks: readonly ChunkPlan[];
}

export interface ChunkPlan {
  /** Index among the groups of the plan's views. */
  readonly group: number;
  readonly mode: AsOfMode;
  readonly parts: readonly PartPlan[];
}

export interface PartPlan {
  readonly bucket: number;
  /** Counts the parts of the bucket. */
  readonly part: number;
  readonly rows: number;
}

export const KEY_BUCKETS = 64;
/** What one chunk's rows, states and sorted events may take, bytes, unless told otherwise. */
export const CHUNK_MEMORY_BYTES = 256 * 1_048_576;
/** Below it another chunk would cost more than it shares out: each asks the store for its events. */
const CHUNK_ROWS_MIN = 5_000;
/** A key, its number and its moment, while they are gathered. */
const ROW_BYTES = 200;
/** A row's state at the least. */
const STATE_BYTES = 400;

/** Rows and events that a chunk may hold within a budget: half for each. */
export function chunkLimits(
  views: readonly ViewProgram[],
  memoryBytes: number,
): { readonly rowsMax: number; readonly eventsInMemory: number } {
  const values = views.reduce((sum, view) => sum + view.featureNames.length, 0);
  const rowBytes = ROW_BYTES + views.length * STATE_BYTES + values * Float64Array.BYTES_PER_ELEMENT;
  const fields = new Set(views.flatMap(fieldsOfView)).size;
  const inputs = Math.max(...views.map((view) => view.inputCount));
  // Events are there as they came, joined, and prepared.
  const eventBytes = (2 * (4 + fields) + inputs + 1) * Float64Array.BYTES_PER_ELEMENT;
  return {
    rowsMax: Math.max(1, Math.floor(memoryBytes / 2 / rowBytes)),
    eventsInMemory: Math.max(1, Math.floor(memoryBytes / 2 / eventBytes)),
  };
}

/** Gathers parts, in their order, into chunks for so many threads. */
export function planChunks(
  parts: readonly (readonly PartPlan[])[],
  modes: readonly AsOfMode[],
  rowsMax: number,
  threads: number,
): ChunkPlan[] {
  return parts.flatMap((ofGroup, group) => {
    const rows = ofGroup.reduce((sum, part) => sum + part.rows, 0);
    const wanted = Math.min(rowsMax, Math.max(CHUNK_ROWS_MIN, Math.ceil(rows / threads)));
    const gathered: PartPlan[][] = [];
    let gatheredRows = 0;
    for (const part of ofGroup) {
      if (gathered.length === 0 || gatheredRows + part.rows > wanted) {
        gathered.push([]);
        gatheredRows = 0;
      }
      gathered.at(-1)!.push(part);
      gatheredRows += part.rows;
    }
    return modes.flatMap((mode) => gathered.map((together) => ({ group, mode, parts: together })));
  });
}

export const partFile = (work: string, group: number, { bucket, part }: Omit<PartPlan, 'rows'>): string =>
  path.join(work, `spine-${group}-${bucket}-${part}.bin`);
export const valuesFile = (
  work: string,
  mode: AsOfMode,
  group: number,
  { bucket, part }: Omit<PartPlan, 'rows'>,
): string => path.join(work, `values-${mode}-${group}-${bucket}-${part}.bin`);
