import type { ErrorCode } from '../../core/error-table.ts';
import type { FeatureView } from '../../define/feature-view.ts';
import type { EventFiles } from './parquet-events.ts';
import type { ChunkJob } from './run-chunk.ts';

/** What a thread that reads chunks is started with. Views are data: they cross as they are. */
export interface ChunkThreadStart {
  readonly views: readonly FeatureView[];
  readonly postgresUrl: string;
  /** Null: the offline log. */
  readonly eventFiles: EventFiles | null;
  /** Mebibytes that DuckDB may take before it spills. */
  readonly duckdbMemoryMb: number;
  readonly spillTo: string;
}

/** Null ends the thread. */
export type ChunkRequest = ChunkJob | null;
export type ChunkAnswer =
  | { readonly rows: number }
  | { readonly code: ErrorCode | null; readonly message: string; readonly details: Readonly<Record<string, unknown>> };
