import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trySignal } from '../../stack/end-process.ts';
import { isSameProcess } from '../../stack/process-identity.ts';
import { createProgressRenderer } from '../../stack/progress-renderer.ts';
import { startStack, type RunningStack } from '../../stack/start-stack.ts';

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
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-test-'));
  const renderer = createProgressRenderer(process.stderr);
  try {
    const stack = await startStack({ dataDir, environment: process.env, onProgress: renderer.onProgress });
    process.once('exit', () => {
      killLeftovers(stack);
    });
    return { stack, dataDir };
  } finally {
    renderer.close();
  }
}

/** For a run that ends without its teardown, such as by a second Ctrl-C. */
function killLeftovers(stack: RunningStack): void {
  for (const { process: owned } of Object.values(stack.state.servers)) {
    if (owned !== undefined && isSameProcess(owned.pid, owned.identity)) trySignal(-owned.pid, 'SIGKILL');
  }
}
