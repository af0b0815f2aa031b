import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { withFileLock } from './file-lock.ts';
import type { FinderContext } from './finder.ts';

/** A build of the slowest artifact on a slow machine, several times over. */
const BUILD_WAIT_LIMIT_MS = 45 * 60_000;

/**
 * The folder of a fetched or built thing. Where it is missing, `build` fills an empty folder that is then moved into
 * place in one step, so a half-made artifact is never seen; of several processes one builds, the others wait.
 * @param name folder name in the cache: what and which version
 */
export async function cachedArtifact(
  context: FinderContext,
  name: string,
  build: (folder: string) => Promise<void>,
): Promise<string> {
  const final = join(context.cacheDir, name);
  if (existsSync(final)) return final;
  await mkdir(context.cacheDir, { recursive: true });
  return await withFileLock(
    {
      lockFile: `${final}.lock`,
      what: name,
      signal: context.signal,
      waitLimitMs: BUILD_WAIT_LIMIT_MS,
      onWait: (pid) => {
        context.report(`process ${pid} is making ${name}, waiting for it`);
      },
    },
    async () => {
      if (existsSync(final)) return final;
      await removeLeftovers(context.cacheDir, name);
      const draft = await mkdtemp(join(context.cacheDir, draftPrefix(name)));
      try {
        await build(draft);
        await rename(draft, final);
      } finally {
        await rm(draft, { recursive: true, force: true });
      }
      return final;
    },
  );
}

const draftPrefix = (name: string): string => `.draft-${name}-`;

/** What a builder that was killed left behind; the lock says that none is at work. */
async function removeLeftovers(cacheDir: string, name: string): Promise<void> {
  for (const entry of await readdir(cacheDir)) {
    if (entry.startsWith(draftPrefix(name))) {
      await rm(join(cacheDir, entry), { recursive: true, force: true });
    }
  }
}
