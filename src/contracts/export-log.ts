/** Exports the closed days of one source's log, and may delete from Postgres what only history needs. */
export interface ExportLogInput {
  readonly namespace: string;
  readonly source: string;
  readonly prune: boolean;
  /** What an earlier run of the same export did: survives continue-as-new. */
  readonly carried?: ExportLogProgress;
}

export interface ExportLogProgress {
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
  readonly prunedFiles: number;
  readonly prunedRows: number;
}

export interface ExportLogResult extends ExportLogProgress {
  readonly source: string;
}

export const exportLogQueries = { progress: 'progress' } as const;

export const nothingExported: ExportLogProgress = { files: 0, rows: 0, bytes: 0, prunedFiles: 0, prunedRows: 0 };

export interface ColdFileDone {
  readonly file: string;
  readonly rows: number;
  readonly bytes: number;
}

export interface ColdLogActivities {
  /** Removes what exports that were cut off left; answers how many files. */
  sweepColdLog(input: { source: string }): Promise<{ removed: number }>;
  /** Exports the earliest closed day that is not exported, or a part of it, heartbeating; null where there is none. */
  exportNextFile(input: { source: string }): Promise<{ file: ColdFileDone | null }>;
  /** Verifies the oldest file whose rows Postgres has too and deletes them there; null where none may go. */
  pruneNextFile(input: { source: string }): Promise<{ file: ColdFileDone | null }>;
}

/** One line for a person: Temporal UI, command line. */
export const describeExport = ({ files, rows, bytes, prunedFiles, prunedRows }: ExportLogProgress): string =>
  `${files} files with ${rows} rows exported, ${bytes} bytes; ${prunedFiles} files with ${prunedRows} rows pruned`;
