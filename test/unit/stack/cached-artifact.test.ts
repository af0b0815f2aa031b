import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { cachedArtifact } from '../../../stack/cached-artifact.ts';
import type { FinderContext } from '../../../stack/finder.ts';

let cacheDir: string;
let context: FinderContext;
beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'millrace-cache-'));
  context = {
    cacheDir,
    environment: {},
    signal: new AbortController().signal,
    report: () => undefined,
    noteFailure: () => undefined,
  };
});
afterEach(() => rm(cacheDir, { recursive: true }));

it('is built once, however many ask for it at the same time', async () => {
  let builds = 0;
  const build = async (draft: string): Promise<void> => {
    builds += 1;
    await sleep(20);
    await writeFile(join(draft, 'program'), 'complete');
  };
  const folders = await Promise.all([1, 2, 3].map(() => cachedArtifact(context, 'thing-1.0', build)));
  expect(builds).toBe(1);
  expect(new Set(folders)).toEqual(new Set([join(cacheDir, 'thing-1.0')]));
  expect(await readFile(join(cacheDir, 'thing-1.0', 'program'), 'utf8')).toBe('complete');
});

it('does not appear when its build fails, and leaves nothing behind', async () => {
  const attempt = cachedArtifact(context, 'thing-1.0', async (draft) => {
    await writeFile(join(draft, 'program'), 'half');
    throw new Error('out of disk');
  });
  await expect(attempt).rejects.toThrow('out of disk');
  expect(await readdir(cacheDir)).toEqual([]);
});
