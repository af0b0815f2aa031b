import type { ErrorCode } from '../../core/error-table.ts';
import type { FeatureView } from '../../define/feature-view.ts';
import type { ColdLogConfig } from '../../infra/cold-log-config.ts';
import type { EventFiles } from './parquet-events.ts';
import type { AsOfRequest, SpineRow } from './as-of-mode.ts';
import type { ViewValues } from './read-chunk.ts';
import type { ChunkJob } from './run-chunk.ts';

/** What a thread that reads the past is started with. Views are data: they cross as they are. */
export interface ReadThreadStart {
  readonly views: readonly FeatureView[];
  readonly postgresUrl: string;
  /** Null: a log with rows in files only is refused. */
  readonly coldLog: ColdLogConfig | null;
  /** Null: the offline log. */
  readonly eventFiles: EventFiles | null;
  /** Mebibytes that DuckDB may take before it spills. */
  readonly duckdbMemoryMb: number;
  readonly spillTo: string;
  readonly statementTimeoutMs?: number;
}

/** Rows to be read at once: those of a request. */
export interface RowsJob {
  /** Indexes among the views that the thread was started with. */
  readonly views: readonly number[];
  readonly spine: readonly SpineRow[];
  readonly request: AsOfRequest;
}

/** Null ends the thread. */
export type ThreadRequest = { readonly chunk: ChunkJob } | { readonly rows: RowsJob } | null;
export type ThreadAnswer =
  | { readonly rows: number }
  | { readonly reads: readonly ViewValues[] }
  | { readonly code: ErrorCode | null; readonly message: string; readonly details: Readonly<Record<string, unknown>> };
