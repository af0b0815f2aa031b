import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MillraceError } from '../src/core/millrace-error.ts';
import { findPostgres, type PostgresPrograms } from './find-postgres.ts';
import { choosePort, LOOPBACK } from './free-port.ts';
import { unprivileged, type Unprivileged } from './unprivileged.ts';
import { runTool } from './run-tool.ts';
import { serverFolder, startPlanned, type ServerStarter, type StarterContext } from './server-starter.ts';

const READY_LIMIT_MS = 60_000;
const INITDB_LIMIT_MS = 120_000;
const PASSWORD_BYTES = 18;
const SECRET_FILE_MODE = 0o600;
const USER = 'millrace';
const DATABASE = 'millrace';

/** For a machine of two cores that is shared with the other servers; `logical` is what change data capture needs. */
const settings: Readonly<Record<string, string>> = {
  listen_addresses: LOOPBACK,
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '256MB',
  max_wal_size: '2GB',
  wal_level: 'logical',
  max_slot_wal_keep_size: '4GB',
  wal_compression: 'on',
  checkpoint_completion_target: '0.9',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** PostgreSQL with its data under the data directory. Its password keeps other users of the machine out. */
export const startPostgres: ServerStarter = async (context) => {
  const folder = serverFolder(context, 'postgres');
  const data = join(folder, 'data');
  const major = await dataMajor(data);
  const programs = await findPostgres(context, major);
  if (programs === undefined && major !== undefined) throw incompatible(data, major);
  if (programs === undefined) return undefined;
  await mkdir(folder, { recursive: true });
  const runAs = await unprivileged([programs.postgres, '--version'], context);
  const password = await ownPassword(folder);
  if (!existsSync(data)) await initialise(programs, folder, data, runAs, context);
  const main = await choosePort(
    { variable: 'MILLRACE_POSTGRES_PORT', remembered: context.rememberedPorts['main'] },
    context.environment,
  );
  context.report('waiting until it answers', 'starting');
  const flags = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  const command = runAs.wrap([programs.postgres, '-D', data, '-p', String(main), ...flags]);
  return await startPlanned(
    {
      server: 'postgres',
      ...command,
      cwd: folder,
      shownProgram: programs.postgres,
      address: `postgresql://${USER}:${password}@${LOOPBACK}:${main}/${DATABASE}`,
      ports: { main },
      readyLimitMs: READY_LIMIT_MS,
    },
    context,
  );
};

async function dataMajor(data: string): Promise<number | undefined> {
  const text = await readFile(join(data, 'PG_VERSION'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : Number(text.trim());
}

function incompatible(data: string, major: number): MillraceError {
  return new MillraceError(
    'STACK_DATA_INCOMPATIBLE',
    `Server 'postgres': '${data}' was written by PostgreSQL ${major}, and no programs of that version can be had. ` +
      `Install PostgreSQL ${major}, or start with another data directory.`,
  );
}

async function ownPassword(folder: string): Promise<string> {
  const file = join(folder, 'password');
  if (!existsSync(file)) {
    await writeFile(file, randomBytes(PASSWORD_BYTES).toString('base64url'), { mode: SECRET_FILE_MODE });
  }
  return await readFile(file, 'utf8');
}

/** Builds the cluster beside its place and moves it there, so that an interrupted start leaves none behind. */
async function initialise(
  programs: PostgresPrograms,
  folder: string,
  data: string,
  runAs: Unprivileged,
  context: StarterContext,
): Promise<void> {
  context.report('creating the database cluster', 'starting');
  const draft = join(folder, 'draft');
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft);
  await chmod(draft, 0o700);
  const passwordFile = join(folder, 'draft-password');
  await writeFile(passwordFile, await ownPassword(folder), { mode: SECRET_FILE_MODE });
  await runAs.give(draft);
  await runAs.give(passwordFile);
  const tool = {
    cwd: folder,
    environment: context.environment,
    signal: context.signal,
    timeoutMs: INITDB_LIMIT_MS,
  };
  await runTool({
    ...tool,
    ...runAs.wrap([
      ...[programs.initdb, '-D', draft, '-U', USER, '--encoding=UTF8', '--locale=C', '--no-sync'],
      ...['--auth=scram-sha-256', `--pwfile=${passwordFile}`],
    ]),
  });
  await runTool({
    ...tool,
    ...runAs.wrap([programs.postgres, '--single', '-D', draft, 'postgres']),
    input: `CREATE DATABASE ${DATABASE}\n`,
  });
  await rm(passwordFile);
  await rename(draft, data);
}
