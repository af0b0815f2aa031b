import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { MillraceError } from '../../core/millrace-error.ts';
import type { Source } from '../../define/source.ts';
import type { Queryable } from '../../infra/postgres.ts';
import { logTable } from '../log-table.ts';
import { exportedTo, insertColdFile, listColdFiles, lockColdLog, type ColdFile, type ColdManifest } from './cold-files.ts';
import type { LogDatabase } from './cold-log.ts';
import { planExport, presentOf, withinRanges, type ExportPlan } from './plan-export.ts';
import { inSnapshot } from './scan-cold-and-hot.ts';
import { gatherRows, manifestPath, writeColdFile, type OnStep } from './write-cold-file.ts';

export interface ExportOptions {
  /** How long a day has to be over before it is exported. */
  readonly delayMs: number;
  /** Rows of one file; a day with more has several. */
  readonly fileRowsMax: number;
  readonly clock: Clock;
  readonly onStep?: OnStep;
}

/** A file without a row in the database is what an export left that ended in between; one so old is of no export under way. */
export const ORPHAN_AGE_MS = 3_600_000;

/**
 * Exports the next file of a source: the earliest closed day that is not exported, or a part of it. May be killed at any
 * point and called again: only the last step, a transaction, makes the file one of the log, and it refuses where
 * another export or a replay came in between.
 * @returns null where no day is closed, or another came in between
 * @throws MillraceError COLD_LOG_SOURCE_UNFIT, COLD_LOG_QUERY_FAILED, STORE_UNAVAILABLE
 */
export async function exportNextFile(
  db: LogDatabase,
  source: Source,
  { delayMs, fileRowsMax, clock, onStep = () => undefined }: ExportOptions,
): Promise<ColdManifest | null> {
  assertExportable(source);
  const present = await presentOf(db, source.name, clock());
  if (present === null) return null;
  const written = await db.coldLog.duckdb.session(async (session) => {
    const found = await inSnapshot(db, async (tx) => {
      const plan = await planExport(tx, source, present - delayMs, fileRowsMax);
      if (plan === null) return null;
      return { before: await exportedTo(tx, source.name), gathered: await gatherRows(session, tx, source, plan) };
    });
    if (found === null) return null;
    const { before, gathered } = found;
    const manifest = await writeColdFile(session, db.coldLog.directory, source.name, gathered, onStep);
    return { plan: gathered.plan, before, manifest };
  });
  if (written === null) return null;
  // A file that is refused stays for the sweep: an export beside this one may have given its own, of the same bytes, that name.
  if (!(await db.transaction((tx) => register(tx, db.coldLog.directory, source, written)))) return null;
  await onStep('registered', written.manifest.file);
  return written.manifest;
}

/** A file has one row for each offset; a change has one or two. */
export const isExportable = (source: Source): boolean => source.changes !== true;

function assertExportable(source: Source): void {
  if (isExportable(source)) return;
  throw new MillraceError(
    'COLD_LOG_SOURCE_UNFIT',
    `Source '${source.name}' can't be exported: its rows change, and files hold logs whose events stay. Leave it out; its log stays in Postgres.`,
  );
}

async function register(
  tx: Queryable,
  directory: string,
  source: Source,
  {
    plan,
    before,
    manifest,
  }: { readonly plan: ExportPlan; readonly before: ReadonlyMap<number, number>; readonly manifest: ColdManifest },
): Promise<boolean> {
  await lockColdLog(tx, source.name);
  const now = await exportedTo(tx, source.name);
  if (plan.ranges.some(({ partition }) => now.get(partition) !== before.get(partition))) return false;
  const [found] = await tx.query<{ rows: number }>(
    `SELECT count(*)::float8 AS rows FROM ${logTable(source.name)} WHERE ${withinRanges(plan.ranges)}`,
  );
  if (found?.rows !== manifest.rows) return false;
  // A sweep may have taken it for what an earlier export of the same rows left; it holds the lock too.
  const placed = await stat(path.join(directory, manifest.file)).catch(() => undefined);
  if (placed?.size !== manifest.bytes) return false;
  await insertColdFile(tx, manifest);
  return true;
}

/**
 * Removes what exports that were cut off left in a source's folder.
 * @returns names of the files that are gone
 */
export async function sweepOrphans(
  db: LogDatabase,
  source: string,
  { clock, ageMs = ORPHAN_AGE_MS }: { readonly clock: Clock; readonly ageMs?: number },
): Promise<string[]> {
  const folder = path.join(db.coldLog.directory, source);
  return db.transaction(async (tx) => {
    await lockColdLog(tx, source);
    const kept = new Set((await listColdFiles(tx, source)).flatMap(namesOf));
    const removed: string[] = [];
    for (const name of await readdir(folder).catch(() => [] as string[])) {
      if (kept.has(name)) continue;
      const file = path.join(folder, name);
      const found = await stat(file).catch(() => undefined);
      if (found === undefined || clock() - found.mtimeMs < ageMs) continue;
      await rm(file, { force: true });
      removed.push(name);
    }
    return removed.sort();
  });
}

const namesOf = ({ file }: ColdFile): string[] => [path.basename(file), path.basename(manifestPath(file))];
