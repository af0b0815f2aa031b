import { readdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { FinderContext } from './finder.ts';
import { runTool } from './run-tool.ts';

const SCRIPT = fileURLToPath(new URL('./download-temporal-cli.mjs', import.meta.url));
/** Where nothing has arrived by then, the address is not reachable from here. */
const FIRST_BYTES_LIMIT_MS = 5_000;
const DOWNLOAD_LIMIT_MS = 5 * 60_000;

/**
 * Downloads the Temporal CLI as `temporal` into an empty folder, by the way that Temporal's own SDK has for tests.
 * @throws Error soon where that is not reachable
 */
export async function downloadTemporal(
  version: string,
  folder: string,
  context: FinderContext,
): Promise<void> {
  context.report('downloading the Temporal CLI');
  const done = new AbortController();
  const unreachable = new AbortController();
  const giveUpEarly = async (): Promise<void> => {
    await sleep(FIRST_BYTES_LIMIT_MS, undefined, { signal: done.signal });
    if ((await largestFile(folder)) === undefined) {
      unreachable.abort(new Error(`nothing arrived within ${FIRST_BYTES_LIMIT_MS / 1000} s`));
    }
  };
  let watch: Promise<void> | undefined;
  try {
    await runTool({
      program: process.execPath,
      args: [SCRIPT, folder, `v${version}`],
      environment: context.environment,
      signal: AbortSignal.any([context.signal, unreachable.signal]),
      timeoutMs: DOWNLOAD_LIMIT_MS,
      onLine: () => {
        watch ??= giveUpEarly().catch(() => undefined);
      },
    });
  } finally {
    done.abort();
    await watch;
  }
  const downloaded = await largestFile(folder);
  if (downloaded === undefined) throw new Error('the download left no file');
  await rename(downloaded, join(folder, 'temporal'));
}

async function largestFile(folder: string): Promise<string | undefined> {
  let largest: { path: string; size: number } | undefined;
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const { size } = await stat(path);
    if (size > (largest?.size ?? 0)) largest = { path, size };
  }
  return largest?.path;
}
