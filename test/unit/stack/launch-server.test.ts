import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { OwnedProcess } from '../../../stack/end-process.ts';
import { launchServer, type ServerLaunch } from '../../../stack/launch-server.ts';
import { processIdentity } from '../../../stack/process-identity.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-launch-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** A launch of a server that never answers. */
const launch = (code: string, over: Partial<ServerLaunch> = {}) =>
  launchServer({
    server: 'redis',
    program: process.execPath,
    args: ['-e', code],
    cwd: folder,
    environment: {},
    logFile: join(folder, 'logs', 'redis.log'),
    isReady: () => Promise.resolve(false),
    readyLimitMs: 15_000,
    signal: new AbortController().signal,
    onSpawn: () => undefined,
    ...over,
  });
const failure = (text: string, portTaken = false) => ({
  code: 'STACK_SERVER_FAILED',
  message: expect.stringContaining(text) as unknown,
  details: { server: 'redis', portTaken },
});

it('is STACK_SERVER_FAILED with the end of the log where the server ends', async () => {
  const ending = launch("console.error('the disk is full'); process.exitCode = 3");
  await expect(ending).rejects.toMatchObject(failure('it ended with exit code 3 before it answered'));
  await expect(launch("console.error('the disk is full')")).rejects.toMatchObject(
    failure('the disk is full'),
  );
});

it('says that a port was taken where this attempt found it so', async () => {
  const text = 'bind: address already in use';
  await expect(launch(`console.error('${text}')`)).rejects.toMatchObject(failure(text, true));
  await expect(launch("console.error('the disk is full')")).rejects.toMatchObject(failure('the disk is full'));
});

it('is STACK_SERVER_FAILED where there is no program', async () => {
  const program = join(folder, 'none');
  await expect(launch('', { program })).rejects.toMatchObject(failure(`'${program}' did not start`));
});

it('is STACK_SERVER_FAILED where it does not answer in time, and the process is gone', async () => {
  const spawned: OwnedProcess[] = [];
  const silent = launch('setInterval(() => {}, 1000)', {
    readyLimitMs: 100,
    onSpawn: (owned) => spawned.push(owned),
  });
  await expect(silent).rejects.toMatchObject(failure('it did not answer within 0.1 s'));
  const [owned] = spawned as [OwnedProcess];
  await expect.poll(() => processIdentity(owned.pid)).not.toBe(owned.identity);
});
