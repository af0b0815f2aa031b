import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file of the page, held in memory: there are few, and they change only with the release. */
export interface PageFile {
  readonly contentType: string;
  readonly bytes: Buffer;
  readonly etag: string;
}

const directory = fileURLToPath(new URL('../page', import.meta.url));

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export const etagOf = (content: Buffer | string): string =>
  `"${createHash('sha256').update(content).digest('base64url').slice(0, 27)}"`;

/** The page's files by their paths, `/` for the document: what is not in this map is not served. */
export async function loadPageFiles(): Promise<ReadonlyMap<string, PageFile>> {
  const files = new Map<string, PageFile>();
  for (const name of await readdir(directory)) {
    const contentType = contentTypes[path.extname(name)];
    if (contentType === undefined) continue;
    const bytes = await readFile(path.join(directory, name));
    files.set(name === 'index.html' ? '/' : `/${name}`, { contentType, bytes, etag: etagOf(bytes) });
  }
  return files;
}
