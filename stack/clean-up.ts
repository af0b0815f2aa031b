import type { ChildProcess } from 'node:child_process';
import { trySignal } from './end-process.ts';

const children = new Set<ChildProcess>();
let hooked = false;

/** From now until `releaseOnExit`, the end of this process (not by SIGKILL) ends the child's process group too. */
export function terminateOnExit(child: ChildProcess): void {
  if (!hooked) {
    hooked = true;
    process.once('exit', killAll);
  }
  children.add(child);
}

/** The child has ended, or may now outlive this process. */
export function releaseOnExit(child: ChildProcess): void {
  children.delete(child);
}

function killAll(): void {
  for (const child of children) {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      trySignal(-child.pid, 'SIGKILL');
    }
  }
}

const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `work` so that a signal which would end this process aborts the work first and ends the process only
 * after the work has cleaned up. A caller with handlers of its own keeps them: the work is aborted, and whether
 * the process ends stays theirs to decide.
 */
export async function abortOnSignal<T>(
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let received: NodeJS.Signals | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    received = signal;
    controller.abort(new Error(`interrupted by ${signal}`));
  };
  const onAbort = (): void => {
    controller.abort(outer?.reason);
  };
  if (outer?.aborted === true) onAbort();
  outer?.addEventListener('abort', onAbort, { once: true });
  for (const name of endingSignals) process.on(name, onSignal);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of endingSignals) process.off(name, onSignal);
    outer?.removeEventListener('abort', onAbort);
    if (received !== undefined && process.listenerCount(received) === 0) {
      process.kill(process.pid, received);
    }
  }
}
