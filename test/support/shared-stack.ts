import { createProgressRenderer } from '../../stack/progress-renderer.ts';
import { startStack, type RunningStack } from '../../stack/start-stack.ts';
import { createStackDirectory, type StackDirectory } from './stack-directory.ts';

interface SharedStack {
  users: number;
  readonly started: Promise<{ stack: RunningStack; directory: StackDirectory }>;
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
  const { stack, directory } = await held.started;
  stack.unwatch();
  await directory.remove();
}

async function start(): Promise<{ stack: RunningStack; directory: StackDirectory }> {
  const directory = await createStackDirectory();
  const renderer = createProgressRenderer(process.stderr);
  try {
    const stack = await startStack({
      dataDir: directory.path,
      environment: process.env,
      onProgress: renderer.onProgress,
    });
    return { stack, directory };
  } finally {
    renderer.close();
  }
}
