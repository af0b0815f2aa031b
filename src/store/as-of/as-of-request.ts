import type { HistoricalRequest } from '../../contracts/historical.ts';
import type { OnlineReadPlan } from '../online-catalog.ts';
import type { EventFiles } from './parquet-events.ts';
import type { AsOfMode } from './as-of-mode.ts';
import type { SpineInput } from './spine-input.ts';

export interface AsOfFileRequest {
  readonly plan: OnlineReadPlan;
  /** Keys, request fields and moments: a file (.csv, .ndjson, .parquet or .arrow) or a query. */
  readonly spine: SpineInput;
  /** File to write, of one of these formats. */
  readonly out: string;
  /** `compare` writes the values in which the two modes differ instead of the rows. */
  readonly mode: AsOfMode | 'compare';
  readonly asOfColumn?: string | undefined;
  /** Ms since the epoch; where absent, all that is known when it starts. */
  readonly dataCut?: number | undefined;
  /** By source, Parquet files of its events; where absent, the offline log. */
  readonly eventFiles?: EventFiles | undefined;
  /** Threads that read chunks. */
  readonly threads?: number | undefined;
  /** Bytes that the rows, states and sorted events of one chunk may take; each thread has one. */
  readonly memoryBytes?: number | undefined;
  /** Names the run where others go on with it; a plan of another run is not used. */
  readonly run?: string;
  /** Rows of a part at the most; where absent, what fits the memory. */
  readonly chunkRows?: number;
  /** Told of the rows that are read, per group of views and mode. */
  readonly onChunk?: (rows: number, ofRows: number) => void;
  /** Told of the rows that are written. */
  readonly onProgress?: (rows: number) => void;
  readonly signal?: AbortSignal;
}

/** A request that came as plain data, and how this process goes about it. */
export const fileRequestOf = (
  plan: OnlineReadPlan,
  { spine, out, mode, asOfColumn, dataCut, eventFiles, memoryBytes }: HistoricalRequest,
  how: Pick<AsOfFileRequest, 'threads' | 'run' | 'signal' | 'onChunk' | 'onProgress'>,
): AsOfFileRequest => ({
  plan,
  spine,
  out,
  mode,
  asOfColumn: asOfColumn ?? undefined,
  dataCut: dataCut ?? undefined,
  eventFiles: eventFiles ?? undefined,
  memoryBytes: memoryBytes ?? undefined,
  ...how,
});

/** What stands in `<out>.manifest.json`: enough to make the same file again, and to know that it is the same. */
export interface AsOfManifest {
  readonly mode: AsOfFileRequest['mode'];
  readonly names: readonly string[];
  readonly views: readonly { readonly view: string; readonly version: number; readonly digest: string }[];
  readonly serviceDigest: string | null;
  /** Ms since the epoch; null where nothing was known, or where files have the events and no cut was given. */
  readonly dataCut: number | null;
  readonly rows: number;
  /** Rows whose moment lies after the data cut: what became known in between is not in them. */
  readonly rowsAfterDataCut: number;
  /** By view: rows whose state was older than its `maxAge`. */
  readonly stale: Readonly<Record<string, number>>;
  /** There in mode `compare`: rows and values in which the modes differ, values by feature. */
  readonly differences?: {
    readonly rows: number;
    readonly values: number;
    readonly byFeature: Readonly<Record<string, number>>;
  };
  /** A query's digest is that of the rows that it answered. */
  readonly spine: { readonly file?: string; readonly query?: string; readonly sha256: string };
  /** Names of the files that had the events, by source; absent where it was the offline log. */
  readonly events?: Readonly<Record<string, string>>;
  readonly out: { readonly file: string; readonly sha256: string };
}
