import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trySignal } from '../../stack/end-process.ts';
import { isSameProcess, processIdentity } from '../../stack/process-identity.ts';
import { createProgressRenderer } from '../../stack/progress-renderer.ts';
import { startStack, type RunningStack } from '../../stack/start-stack.ts';
import { stopStack } from '../../stack/stop-stack.ts';

const DIRECTORY_PREFIX = 'millrace-test-stack-';
/** Tells which run a directory belongs to. */
const OWNER_FILE = 'owner.json';

interface SharedStack {
  users: number;
  readonly started: Promise<{ stack: RunningStack; dataDir: string }>;
}

/** Each test project loads this module for itself: what they share hangs on the process. */
const slot = Symbol.for('millrace.test.shared-stack');
const shared = globalThis as { [slot]?: SharedStack };

/** The one stack of a test run; the first project that needs it starts it. */
export async function acquireSharedStack(): Promise<RunningStack> {
  shared[slot] ??= { users: 0, started: start() };
  shared[slot].users += 1;
  return (await shared[slot].started).stack;
}

/** The last project that lets go of it ends it and removes its data. */
export async function releaseSharedStack(): Promise<void> {
  const held = shared[slot];
  if (held === undefined) return;
  held.users -= 1;
  if (held.users > 0) return;
  delete shared[slot];
  const { stack, dataDir } = await held.started;
  await stack.stop();
  await rm(dataDir, { recursive: true, force: true });
}

async function start(): Promise<{ stack: RunningStack; dataDir: string }> {
  await removeLeftovers();
  const dataDir = await mkdtemp(join(tmpdir(), DIRECTORY_PREFIX));
  const owner = { pid: process.pid, identity: processIdentity(process.pid) };
  await writeFile(join(dataDir, OWNER_FILE), JSON.stringify(owner));
  const renderer = createProgressRenderer(process.stderr);
  try {
    const stack = await startStack({ dataDir, environment: process.env, onProgress: renderer.onProgress });
    process.once('exit', () => {
      killServers(stack);
    });
    return { stack, dataDir };
  } finally {
    renderer.close();
  }
}

/** For a run that ends without its teardown, such as by a second Ctrl-C. */
function killServers(stack: RunningStack): void {
  for (const { process: owned } of Object.values(stack.state.servers)) {
    if (owned !== undefined && isSameProcess(owned.pid, owned.identity)) trySignal(-owned.pid, 'SIGKILL');
  }
}

/** Ends the servers and removes the data of earlier runs that were killed. */
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
