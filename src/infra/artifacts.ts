import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { MillraceError } from '../core/millrace-error.ts';

export const sha256Hex = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** Files by content: a name is the sha256 of the bytes, so a file is never changed, only added. */
export interface ArtifactStore {
  put(bytes: Uint8Array): Promise<{ sha256: string; bytes: number }>;
  /** @throws MillraceError ARTIFACT_NOT_FOUND, ARTIFACT_CORRUPT */
  get(sha256: string): Promise<Buffer>;
  /** Path of a file for readers that want one; verify with `get` or by its name before trusting it. */
  path(sha256: string): string;
}

/** Artifacts in a directory that all processes of the machine share. */
export function createArtifactStore(directory: string): ArtifactStore {
  const fileOf = (sha256: string) => path.join(directory, sha256.slice(0, 2), sha256);
  return {
    path: fileOf,
    async put(bytes) {
      const sha256 = sha256Hex(bytes);
      const file = fileOf(sha256);
      const present = await stat(file).catch(() => undefined);
      if (present?.size !== bytes.byteLength) {
        await mkdir(path.dirname(file), { recursive: true });
        const draft = `${file}.${randomUUID()}.tmp`;
        await writeFile(draft, bytes);
        await rename(draft, file);
      }
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
