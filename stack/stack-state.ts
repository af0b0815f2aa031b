import { readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf, MillraceError } from '../src/core/millrace-error.ts';
import { serverNames, type ServerName } from './server-name.ts';

const STATE_VERSION = 1;
/** The state holds the database's password. */
const STATE_FILE_MODE = 0o600;

const port = z.int().min(1).max(65_535);

const serverStateSchema = z.object({
  /** Where it comes from: named in the environment, started here as a process, or by Docker Compose. */
  origin: z.enum(['environment', 'process', 'compose']),
  /** 'host:port', a list of them for Kafka, a URL for Postgres and Redis. */
  address: z.string().min(1),
  /** Ports by purpose; `main` is the one in the address. Kept after a stop, so that the next start uses them again. */
  ports: z.record(z.string(), port),
  /** What runs, as a path; absent for a server that was not started here. */
  program: z.string().optional(),
  process: z.object({ pid: z.int().positive(), identity: z.string() }).optional(),
  logFile: z.string().optional(),
  startedAt: z.iso.datetime(),
});

const stateSchema = z.object({
  version: z.literal(STATE_VERSION),
  /** `starting` until every server answers; `stopped` keeps the ports only. */
  phase: z.enum(['starting', 'running', 'stopped']),
  /** Temporal's namespace. */
  namespace: z.string(),
  servers: z.partialRecord(z.enum(serverNames), serverStateSchema),
});

export type ServerState = Readonly<z.output<typeof serverStateSchema>>;
export type StackFile = Readonly<z.output<typeof stateSchema>>;

/** The state of a stack of which every server was started or found. */
export interface StackState extends StackFile {
  readonly phase: 'running';
  readonly servers: Readonly<Record<ServerName, ServerState>>;
}

export const stackFilePath = (dataDir: string): string => join(dataDir, 'stack.json');

/**
 * What the stack of a data directory is, running or not; undefined where none was ever started.
 * @throws MillraceError STACK_STATE_INVALID
 */
export function readStackFile(dataDir: string): StackFile | undefined {
  const path = stackFilePath(dataDir);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return stateSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new MillraceError(
      'STACK_STATE_INVALID',
      `Stack state '${path}' can't be read, expected version ${STATE_VERSION}: ${messageOf(cause)}. ` +
        'End the servers of this data directory by hand, then remove the file.',
      { cause },
    );
  }
}

/**
 * The stack of a data directory as it was brought up; undefined where it is down or half started.
 * @throws MillraceError STACK_STATE_INVALID
 */
export function readStackState(dataDir: string): StackState | undefined {
  const file = readStackFile(dataDir);
  return file !== undefined && isRunning(file) ? file : undefined;
}

export function isRunning(file: StackFile): file is StackState {
  return file.phase === 'running' && serverNames.every((name) => file.servers[name] !== undefined);
}

export function emptyStackFile(namespace: string): StackFile {
  return { version: STATE_VERSION, phase: 'starting', namespace, servers: {} };
}

export async function writeStackFile(dataDir: string, file: StackFile): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  const path = stackFilePath(dataDir);
  const draft = `${path}.draft`;
  await writeFile(draft, `${JSON.stringify(file, undefined, 2)}\n`, { mode: STATE_FILE_MODE });
  await rename(draft, path);
}
