import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url));

/** What is made, fetched or somebody else's. */
const ignored = new Set(['node_modules', '.git', '.millrace', 'dist', 'coverage']);

/** Files below the folders that end in one of the endings, as paths from the repository's root with `/`. */
export function listFiles(folders: readonly string[], endings: readonly string[]): string[] {
  return folders
    .flatMap((folder) => walk(folder))
    .filter((file) => endings.some((ending) => file.endsWith(ending)));
}

/** A room that has no file yet is no folder in a clone. */
function walk(folder: string): string[] {
  if (!existsSync(path.join(repositoryRoot, folder))) return [];
  const entries = readdirSync(path.join(repositoryRoot, folder), { withFileTypes: true });
  return entries.flatMap((entry) => {
    if (ignored.has(entry.name)) return [];
    const name = folder === '.' ? entry.name : `${folder}/${entry.name}`;
    return entry.isDirectory() ? walk(name) : [name];
  });
}
