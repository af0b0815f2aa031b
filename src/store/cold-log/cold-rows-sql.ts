import type { LogFilter } from '../log-filter.ts';
import { momentSql, rowColumnsSql, textSql, type ColdColumn } from './cold-columns.ts';
import type { ColdFile } from './cold-files.ts';

/** A file whose bytes were verified. */
export interface ReadableFile {
  readonly file: ColdFile;
  readonly path: string;
}

/** What a read of files asks for. */
export interface ColdFilter extends Omit<LogFilter, 'order'> {
  /** Only events with an effective event time at or after it. */
  readonly happenedFrom?: number;
}

/** Bounds kept beside a file went through double precision; a second covers what that may have cost. */
const BOUND_SLACK_MS = 1_000;

/** Whether a file can hold an event that the filter lets through. */
export function mayHold(file: ColdFile, filter: Omit<LogFilter, 'order'>): boolean {
  const { knownTo, knownAfter, happenedTo, sourcePartition, beforeOffset, fromOffset } = filter;
  if (knownTo !== undefined && file.knownFrom > knownTo + BOUND_SLACK_MS) return false;
  if (knownAfter !== undefined && file.knownTo < knownAfter - BOUND_SLACK_MS) return false;
  if (happenedTo !== undefined && file.effectiveFrom > happenedTo + BOUND_SLACK_MS) return false;
  return file.ranges.some(
    (range) =>
      range.rows > 0 &&
      (sourcePartition === undefined || range.partition === Math.trunc(sourcePartition)) &&
      (beforeOffset === undefined || range.from < beforeOffset) &&
      (fromOffset === undefined || range.to > fromOffset),
  );
}

/**
 * Rows of files, in the columns and types of a row table: one read for each set of columns that the files have.
 * The tests stand where DuckDB can hold them against the statistics of a file's row groups.
 */
export function coldRowsSql(
  files: readonly ReadableFile[],
  wanted: readonly ColdColumn[],
  filter: ColdFilter,
): string {
  const groups = new Map<string, ReadableFile[]>();
  for (const one of files) {
    const group = groups.get(one.file.schemaDigest);
    if (group === undefined) groups.set(one.file.schemaDigest, [one]);
    else group.push(one);
  }
  return [...groups.values()]
    .map((group) => {
      const paths = group.map(({ path }) => textSql(path)).join(', ');
      const columns = rowColumnsSql(wanted, group[0]!.file.columns);
      return `SELECT ${columns} FROM read_parquet([${paths}])${coldWhere(filter)}`;
    })
    .join('\nUNION ALL\n');
}

function coldWhere(filter: ColdFilter): string {
  const tests: string[] = [];
  if (filter.knownTo !== undefined) tests.push(`known_time <= ${momentSql(filter.knownTo)}`);
  if (filter.knownAfter !== undefined) tests.push(`known_time > ${momentSql(filter.knownAfter)}`);
  if (filter.happenedTo !== undefined) tests.push(`effective_time <= ${momentSql(filter.happenedTo)}`);
  if (filter.happenedFrom !== undefined) tests.push(`effective_time >= ${momentSql(filter.happenedFrom)}`);
  if (filter.sourcePartition !== undefined) tests.push(`source_partition = ${Math.trunc(filter.sourcePartition)}`);
  if (filter.fromOffset !== undefined) tests.push(`source_offset >= ${Math.trunc(filter.fromOffset)}`);
  if (filter.beforeOffset !== undefined) tests.push(`source_offset < ${Math.trunc(filter.beforeOffset)}`);
  return tests.length === 0 ? '' : ` WHERE ${tests.join(' AND ')}`;
}

/** Orders of a row table, as those of a log. */
export const rowOrders = {
  known: ' ORDER BY known_time, source_partition, source_offset',
  happened: ' ORDER BY effective_time, source_partition, source_offset',
  offset: ' ORDER BY source_partition, source_offset',
  any: '',
} as const;
