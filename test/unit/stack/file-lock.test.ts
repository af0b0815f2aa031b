import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { withFileLock, type FileLockOptions } from '../../../stack/file-lock.ts';
import { processIdentity } from '../../../stack/process-identity.ts';

let folder: string;
let options: FileLockOptions;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-lock-'));
  options = {
    lockFile: join(folder, 'lock'),
    what: 'the test',
    signal: new AbortController().signal,
    waitLimitMs: 10_000,
    onWait: () => undefined,
  };
});
afterEach(() => rm(folder, { recursive: true }));

it('lets one at a time do its work', async () => {
  let inside = 0;
  let insideMax = 0;
  const work = async (): Promise<void> => {
    inside += 1;
    insideMax = Math.max(insideMax, inside);
    await sleep(5);
    inside -= 1;
  };
  await Promise.all(Array.from({ length: 5 }, () => withFileLock(options, work)));
  expect(insideMax).toBe(1);
});

it('takes over the lock of a process that is gone', async () => {
  await writeFile(options.lockFile, JSON.stringify({ pid: process.pid, identity: 'an earlier boot/1' }));
  expect(await withFileLock(options, () => Promise.resolve('done'))).toBe('done');
});

it('lets go of the lock when the work fails', async () => {
  await expect(withFileLock(options, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(readFile(options.lockFile)).rejects.toMatchObject({ code: 'ENOENT' });
});

it('gives up after the limit and names the holder', async () => {
  await writeFile(
    options.lockFile,
    JSON.stringify({ pid: process.pid, identity: processIdentity(process.pid) }),
  );
  const attempt = withFileLock({ ...options, waitLimitMs: 50 }, () => Promise.resolve());
  await expect(attempt).rejects.toMatchObject({ code: 'STACK_BUSY' });
  await expect(attempt).rejects.toThrow(String(process.pid));
});
