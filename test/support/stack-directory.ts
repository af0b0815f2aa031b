import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trySignal } from '../../stack/end-process.ts';
import { isSameProcess, processIdentity } from '../../stack/process-identity.ts';
import { readStackFile } from '../../stack/stack-state.ts';
import { stopStack } from '../../stack/stop-stack.ts';

const DIRECTORY_PREFIX = 'millrace-test-stack-';
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
  const path = await mkdtemp(join(tmpdir(), DIRECTORY_PREFIX));
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

/** For a run that ends without its teardown, such as by a second Ctrl-C. */
function killServers(dataDir: string): void {
  for (const { process: owned } of Object.values(readStackFile(dataDir)?.servers ?? {})) {
    if (owned !== undefined && isSameProcess(owned.pid, owned.identity)) trySignal(-owned.pid, 'SIGKILL');
  }
}

async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(DIRECTORY_PREFIX)) continue;
    const dataDir = join(tmpdir(), name);
    const text = await readFile(join(dataDir, OWNER_FILE), 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const owner = JSON.parse(text) as { pid: number; identity: string };
    if (isSameProcess(owner.pid, owner.identity)) continue;
    await stopStack(dataDir, () => undefined);
    await rm(dataDir, { recursive: true, force: true });
  }
}
