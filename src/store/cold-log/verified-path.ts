import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { MillraceError } from '../../core/millrace-error.ts';
import { COLD_FORMAT_VERSION } from './cold-columns.ts';
import type { ColdFile } from './cold-files.ts';
import type { ColdLog } from './cold-log.ts';

/** sha256 of a file of any length, in hex. */
export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/**
 * Path of a file whose bytes are those that were exported. A process reads each file once to be sure, and again when
 * its size or time of change is another.
 * @throws MillraceError COLD_LOG_FILE_MISSING, COLD_LOG_FILE_CORRUPT
 */
export async function verifiedPath(coldLog: ColdLog, file: ColdFile): Promise<string> {
  const full = path.join(coldLog.directory, file.file);
  const found = await stat(full, { bigint: true }).catch((cause: unknown) => {
    throw new MillraceError(
      'COLD_LOG_FILE_MISSING',
      `The cold log of source '${file.source}' has no file '${file.file}' in '${coldLog.directory}', which holds ${file.rows} rows of ${file.day}. Every process of a project must share the directory (MILLRACE_COLD_LOG_DIR); else restore the file from a copy.`,
      { cause },
    );
  });
  const seen = `${found.size} ${found.mtimeNs} ${file.sha256}`;
  if (coldLog.verified.get(full) === seen) return full;
  if (file.formatVersion > COLD_FORMAT_VERSION)
    throw corrupt(file, `format ${file.formatVersion}, this code reads up to ${COLD_FORMAT_VERSION}`);
  const sha256 = await sha256OfFile(full);
  if (sha256 !== file.sha256) throw corrupt(file, `sha256 ${sha256}, expected ${file.sha256}`);
  coldLog.verified.set(full, seen);
  return full;
}

export const corrupt = (file: Pick<ColdFile, 'source' | 'file' | 'day'>, found: string): MillraceError =>
  new MillraceError(
    'COLD_LOG_FILE_CORRUPT',
    `File '${file.file}' of the cold log of source '${file.source}', day ${file.day}, is not the one that was exported: ${found}. Restore it from a copy; nothing is read from it meanwhile.`,
  );
