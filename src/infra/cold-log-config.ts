import path from 'node:path';
import { z } from 'zod';
import { parseDuration } from '../core/duration.ts';
import type { DuckdbOptions } from './duckdb.ts';
import { readSettings, type Environment } from './settings.ts';

const count = (fallback: number) => z.coerce.number().int().min(1).default(fallback);

const duration = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .refine((text) => parseDuration(text) !== undefined, "expected a duration such as '1d' or '36h'");

const schema = z.object({
  dataDir: z.string().min(1).default('.millrace'),
  coldLogDir: z.string().min(1).optional(),
  coldLogDelay: duration('1d'),
  coldLogKeep: duration('30d'),
  coldLogFileRowsMax: count(500_000),
  coldLogExportEvery: z
    .string()
    .default('off')
    .refine((text) => text === 'off' || (parseDuration(text) ?? 0) > 0, "expected 'off' or a duration such as '6h'"),
  coldLogPrune: z.enum(['on', 'off']).default('off'),
  duckdbMemoryMb: count(1_024),
  duckdbThreads: count(2),
});

/** Settings of the cold log; docs/configuration.md lists them. */
export type ColdLogConfig = Readonly<z.output<typeof schema>>;

export const coldLogConfigNames = {
  dataDir: 'MILLRACE_DATA_DIR',
  coldLogDir: 'MILLRACE_COLD_LOG_DIR',
  coldLogDelay: 'MILLRACE_COLD_LOG_DELAY',
  coldLogKeep: 'MILLRACE_COLD_LOG_KEEP',
  coldLogFileRowsMax: 'MILLRACE_COLD_LOG_FILE_ROWS_MAX',
  coldLogExportEvery: 'MILLRACE_COLD_LOG_EXPORT_EVERY',
  coldLogPrune: 'MILLRACE_COLD_LOG_PRUNE',
  duckdbMemoryMb: 'MILLRACE_DUCKDB_MEMORY_MB',
  duckdbThreads: 'MILLRACE_DUCKDB_THREADS',
} as const;

/** How DuckDB runs in a process of these settings. */
export const duckdbOptions = ({ duckdbMemoryMb, duckdbThreads, dataDir }: ColdLogConfig): DuckdbOptions => ({
  memoryMb: duckdbMemoryMb,
  threads: duckdbThreads,
  scratchDirectory: path.resolve(dataDir, 'scratch', 'duckdb'),
});

/** @throws MillraceError CONFIG_INVALID naming every wrong variable */
export const loadColdLogConfig = (environment: Environment): ColdLogConfig =>
  readSettings(schema, coldLogConfigNames, environment);
