import path from 'node:path';
import os from 'node:os';
import type { Project } from '../define/project.ts';
import { loadBaseConfig } from '../infra/base-config.ts';
import { loadColdLogConfig } from '../infra/cold-log-config.ts';
import { createLogger } from '../infra/logger.ts';
import { createPostgres } from '../infra/postgres.ts';
import { writeAsOfFile } from '../store/as-of/as-of-file.ts';
import type { AsOfManifest } from '../store/as-of/as-of-request.ts';
import { createColdLog, withColdLog } from '../store/cold-log/cold-log.ts';
import { OnlineCatalog, type OnlineSelection } from '../store/online-catalog.ts';

/** A read of the past into a file. */
export interface HistoricalRead {
  readonly project: Project;
  /** A feature service's row, views, or features as `view.feature`, by name. */
  readonly selection: OnlineSelection;
  /** Entity keys, request fields and moments: a file (.csv, .ndjson, .parquet or .arrow), or one SELECT for Millrace's Postgres. */
  readonly spine: string | { readonly query: string };
  /** File to write, of one of these formats; a manifest is written beside it. */
  readonly out: string;
  /** `known` where absent: what was known at a row's moment. `happened`: late events counted in. `compare`: where the two differ. */
  readonly mode?: 'known' | 'happened' | 'compare';
  /** Column of the moments; 'asOf' where absent. */
  readonly asOfColumn?: string;
  /** What was known later does not exist, ms since the epoch; all that is known, where absent. */
  readonly dataCut?: number;
  /** By source, Parquet files of its events; the offline log where absent. */
  readonly events?: Readonly<Record<string, string>>;
  /** Threads that read chunks; as many as there are cores where absent. */
  readonly threads?: number;
  /** Mebibytes that one thread's chunk may take; 256 where absent. */
  readonly memoryMb?: number;
  readonly signal?: AbortSignal;
}

const MEBIBYTE = 1_048_576;
/** One for what reads, one for what is read beside it. */
const POOL_MAX = 2;

/** @throws MillraceError as `writeAsOfFile`, CONFIG_INVALID, FEATURE_NOT_FOUND */
export async function readHistorical(
  environment: Readonly<Record<string, string | undefined>>,
  request: HistoricalRead,
): Promise<AsOfManifest> {
  // The project is given as a value: where its file lies does not matter here.
  const { postgresUrl, logLevel } = loadBaseConfig({ ...environment, MILLRACE_PROJECT: 'given as a value' });
  const logger = createLogger('historical', logLevel);
  const coldLogConfig = loadColdLogConfig(environment);
  const coldLog = createColdLog(coldLogConfig);
  const postgres = withColdLog(
    createPostgres({ url: postgresUrl, applicationName: 'millrace-historical', logger, poolMax: POOL_MAX }),
    coldLog,
  );
  const { project, selection, spine, out, mode = 'known', asOfColumn, dataCut, events, threads, memoryMb, signal } = request;
  try {
    return await writeAsOfFile(
      { postgres, postgresUrl, coldLog: coldLogConfig },
      {
        plan: new OnlineCatalog(project).plan(selection),
        spine,
        out: path.resolve(out),
        mode,
        asOfColumn,
        dataCut,
        eventFiles: events,
        threads: threads ?? os.availableParallelism(),
        memoryBytes: memoryMb === undefined ? undefined : memoryMb * MEBIBYTE,
        ...(signal === undefined ? {} : { signal }),
      },
    );
  } finally {
    await postgres.close();
    coldLog.close();
  }
}
