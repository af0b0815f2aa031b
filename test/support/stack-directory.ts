import { mkdtemp, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trySignal } from '../../stack/end-process.ts';
import { isSameProcess, processIdentity } from '../../stack/process-identity.ts';
import { readStackFile } from '../../stack/stack-state.ts';
import { stopStack } from '../../stack/stop-stack.ts';

const DIRECTORY_PREFIX = 'millrace-test-stack-';
/** Where Linux has files in memory: a disk that stalls for ten seconds makes Temporal's SQLite give up on its own namespace. */
const MEMORY = '/dev/shm';
/** What a whole run leaves in its servers is well under 1 GiB. */
const MEMORY_BYTES_MIN = 4 * 2 ** 30;
/** Tells which run a directory belongs to. */
const OWNER_FILE = 'owner.json';

export interface StackDirectory {
  readonly path: string;
  /** Ends the servers that were started in it and removes their data. */
  readonly remove: () => Promise<void>;
}

/** A data directory for servers of this run. What earlier runs that were killed left behind is ended and removed first. */
export async function createStackDirectory(): Promise<StackDirectory> {
  await removeLeftovers();
  const path = await mkdtemp(join((await hasMemory()) ? MEMORY : tmpdir(), DIRECTORY_PREFIX));
  const owner = { pid: process.pid, identity: processIdentity(process.pid) };
  await writeFile(join(path, OWNER_FILE), JSON.stringify(owner));
  const onExit = (): void => killServers(path);
  process.once('exit', onExit);
  return {
    path,
    remove: async () => {
      process.off('exit', onExit);
      await stopStack(path, () => undefined);
      await rm(path, { recursive: true, force: true });
    },
  };
}

async function hasMemory(): Promise<boolean> {
  const free = await statfs(MEMORY).then(({ bavail, bsize }) => bavail * bsize, () => 0);
  return free >= MEMORY_BYTES_MIN;
}

/** For a run that ends without its teardown, such as by a second Ctrl-C. */
function killServers(dataDir: string): void {
  for (const { process: owned } of Object.values(readStackFile(dataDir)?.servers ?? {})) {
    if (owned !== undefined && isSameProcess(owned.pid, owned.identity)) trySignal(-owned.pid, 'SIGKILL');
  }
}

async function removeLeftovers(): Promise<void> {
  for (const dataDir of [...(await directoriesIn(tmpdir())), ...(await directoriesIn(MEMORY))]) {
    const text = await readFile(join(dataDir, OWNER_FILE), 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const owner = JSON.parse(text) as { pid: number; identity: string };
    if (isSameProcess(owner.pid, owner.identity)) continue;
    await stopStack(dataDir, () => undefined);
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function directoriesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => name.startsWith(DIRECTORY_PREFIX)).map((name) => join(folder, name));
}
