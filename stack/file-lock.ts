import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '../src/core/millrace-error.ts';
import { isSameProcess, processIdentity } from './process-identity.ts';

const POLL_MS = 200;

export interface FileLockOptions {
  readonly lockFile: string;
  /** What the lock protects, for messages. */
  readonly what: string;
  readonly signal: AbortSignal;
  /** How long another process may hold it before this one gives up. */
  readonly waitLimitMs: number;
  readonly onWait: (holderPid: number) => void;
}

interface LockHolder {
  readonly pid: number;
  readonly identity: string;
}

/**
 * Runs `work` while no other process holds the lock. A lock whose holder is gone is taken over.
 * @throws MillraceError STACK_BUSY when another process holds it for longer than the limit
 */
export async function withFileLock<T>(options: FileLockOptions, work: () => Promise<T>): Promise<T> {
  await acquire(options);
  try {
    return await work();
  } finally {
    await rm(options.lockFile, { force: true });
  }
}

async function acquire(options: FileLockOptions): Promise<void> {
  const deadline = performance.now() + options.waitLimitMs;
  let waitReported = false;
  while (!(await tryCreate(options.lockFile))) {
    options.signal.throwIfAborted();
    const holder = await readHolder(options.lockFile);
    if (holder === undefined) continue;
    if (!isSameProcess(holder.pid, holder.identity)) {
      await removeStale(options.lockFile);
      continue;
    }
    if (performance.now() >= deadline) {
      throw new MillraceError(
        'STACK_BUSY',
        `Waiting for ${options.what}: process ${holder.pid} has held '${options.lockFile}' for over ` +
          `${Math.round(options.waitLimitMs / 1000)} s. Wait for that process or end it, then try again.`,
      );
    }
    if (!waitReported) options.onWait(holder.pid);
    waitReported = true;
    await sleep(POLL_MS, undefined, { signal: options.signal });
  }
}

/** A link appears with its content in one step, so no reader ever sees a lock without a holder. */
async function tryCreate(lockFile: string): Promise<boolean> {
  const draft = `${lockFile}.${randomUUID()}`;
  const holder: LockHolder = { pid: process.pid, identity: processIdentity(process.pid) ?? '' };
  await writeFile(draft, JSON.stringify(holder));
  try {
    await link(draft, lockFile);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function readHolder(lockFile: string): Promise<LockHolder | undefined> {
  try {
    return JSON.parse(await readFile(lockFile, 'utf8')) as LockHolder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Of several that see the stale lock, one moves it away; the move is repeated by none. */
async function removeStale(lockFile: string): Promise<void> {
  const grave = `${lockFile}.${randomUUID()}`;
  try {
    await rename(lockFile, grave);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return;
  }
  const moved = await readHolder(grave);
  if (moved !== undefined && isSameProcess(moved.pid, moved.identity)) {
    // Someone took the lock over between our look and our move: give it back.
    await link(grave, lockFile).catch(() => undefined);
  }
  await rm(grave, { force: true });
}
