import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { MillraceError } from '../core/millrace-error.ts';

export const sha256Hex = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** Files by content: a name is the sha256 of the bytes, so a file is never changed, only added. */
export interface ArtifactStore {
  /** Mends a damaged file of these bytes; what it returned for outlasts a crash of the machine. */
  put(bytes: Uint8Array): Promise<{ sha256: string; bytes: number }>;
  /** @throws MillraceError ARTIFACT_NOT_FOUND, ARTIFACT_CORRUPT */
  get(sha256: string): Promise<Buffer>;
  /** Path of a file for readers that want one; verify with `get` or by its name before trusting it. */
  path(sha256: string): string;
}

/** On disk before its name is there: a crash leaves the file before, or the new one, never a part of it. */
async function writeDurably(file: string, bytes: Uint8Array): Promise<void> {
  const directory = path.dirname(file);
  const made = await mkdir(directory, { recursive: true });
  const draft = `${file}.${randomUUID()}.tmp`;
  try {
    const handle = await open(draft, 'wx');
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  await syncDirectory(directory);
  if (made !== undefined) await syncDirectory(path.dirname(directory));
}

/** The names in a directory reach the disk too, where the system lets a directory be synced: some do not. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory).catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

/** Artifacts in a directory that all processes of the machine share. */
export function createArtifactStore(directory: string): ArtifactStore {
  const fileOf = (sha256: string) => path.join(directory, sha256.slice(0, 2), sha256);
  return {
    path: fileOf,
    async put(bytes) {
      const sha256 = sha256Hex(bytes);
      const file = fileOf(sha256);
      const present = await readFile(file).catch(() => undefined);
      // The length alone would pass a file that a disk fault or a crash has damaged.
      if (present === undefined || sha256Hex(present) !== sha256) await writeDurably(file, bytes);
      return { sha256, bytes: bytes.byteLength };
    },
    async get(sha256) {
      const bytes = await readFile(fileOf(sha256)).catch((cause: unknown) => {
        throw new MillraceError(
          'ARTIFACT_NOT_FOUND',
          `Artifact '${sha256}' is not in the artifact store '${directory}'. Every process of a project must share one data directory.`,
          { cause },
        );
      });
      const found = sha256Hex(bytes);
      if (found !== sha256) {
        throw new MillraceError(
          'ARTIFACT_CORRUPT',
          `Artifact '${sha256}' has the digest ${found}: the file was changed or damaged. Restore it from a copy, or register the version again.`,
        );
      }
      return bytes;
    },
  };
}
