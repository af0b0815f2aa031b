import { MillraceError } from '../../core/millrace-error.ts';
import type { Queryable } from '../../infra/postgres.ts';
import { forgetFilesFrom, listColdFiles, lockColdLog, type ColdFile } from './cold-files.ts';

/**
 * Makes a log ready to be read again from some offsets on: files that reach beyond them, and those exported after them, no
 * longer count, since their rows are still in Postgres, which is about to delete them and store them anew. The next export
 * writes them again.
 * @throws MillraceError COLD_LOG_REWIND_REFUSED where a file that alone has its rows holds an event known at or after `fromKnownTime`
 */
export async function retireColdFiles(
  tx: Queryable,
  source: string,
  fromKnownTime: number,
  firsts: readonly { readonly partition: number; readonly first: number }[],
): Promise<void> {
  await lockColdLog(tx, source);
  const files = await listColdFiles(tx, source);
  const isReached = (file: ColdFile): boolean =>
    file.ranges.some((range) => firsts.some(({ partition, first }) => range.partition === partition && range.to > first));
  const pruned = files.filter((file) => file.prunedAt !== null && (file.knownTo >= fromKnownTime || isReached(file)));
  if (pruned.length > 0) {
    const newest = Math.max(...pruned.map((file) => file.knownTo));
    throw new MillraceError(
      'COLD_LOG_REWIND_REFUSED',
      `Source '${source}' can't be read again from ${new Date(fromKnownTime).toISOString()}: rows known up to ${new Date(newest).toISOString()} are in the cold log only. Choose a later time, or rebuild the views with 'millrace materialize', which reads the cold log.`,
    );
  }
  const reached = files.find(isReached);
  if (reached !== undefined) await forgetFilesFrom(tx, source, reached.id);
}
