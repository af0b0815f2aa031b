/** A read of features as of past moments, as plain data: what a workflow hands to its activities. */
export interface HistoricalRequest {
  readonly selection: { readonly service: string } | { readonly views: readonly string[] };
  /** A file that every worker sees, or a query. */
  readonly spine: string | { readonly query: string };
  /** File to write, which every worker sees; its chunks lie beside it until it is whole. */
  readonly out: string;
  readonly mode: 'known' | 'happened' | 'compare';
  /** Column of the moments; null: 'asOf'. */
  readonly asOfColumn: string | null;
  /** Ms since the epoch; null: all that is known when it starts. */
  readonly dataCut: number | null;
  /** By source, Parquet files of its events; null: the offline log. */
  readonly eventFiles: Readonly<Record<string, string>> | null;
  /** Bytes that one chunk may take; null: what holds where nothing is said. */
  readonly memoryBytes: number | null;
}

export interface HistoricalInput {
  readonly namespace: string;
  readonly request: HistoricalRequest;
  readonly carried?: HistoricalProgress;
}

export interface HistoricalProgress {
  /** Rows of the spine. */
  readonly rows: number;
  readonly chunks: number;
  /** Chunks that are read: those before it are all done where the workflow continues as new. */
  readonly done: number;
}

export interface HistoricalResult {
  readonly out: string;
  readonly rows: number;
  readonly sha256: string;
  /** Values in which the modes differ; null unless they were compared. */
  readonly differences: number | null;
}

export const historicalQueries = { progress: 'progress' } as const;

/** `run` tells runs of one output apart: what another one left is not used. */
export interface HistoricalActivities {
  /** Reads the spine and cuts it into chunks; a plan of the same run is answered as it is. */
  planHistorical(input: { run: string; request: HistoricalRequest }): Promise<{ rows: number; chunks: number }>;
  /** Reads one chunk, heartbeating; one that was read before is left as it is. */
  readHistoricalChunk(input: { run: string; request: HistoricalRequest; chunk: number }): Promise<{ rows: number }>;
  /** Puts the rows together in the order of the spine and writes the manifest. */
  writeHistorical(input: { run: string; request: HistoricalRequest }): Promise<HistoricalResult>;
  /** Drops the run's folder. */
  dropHistorical(input: { request: HistoricalRequest }): Promise<void>;
}
