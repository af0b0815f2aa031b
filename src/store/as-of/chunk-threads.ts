import type { ReadThreadStart } from './thread-messages.ts';
import { ReadThread } from './read-thread.ts';
import type { ChunkJob } from './run-chunk.ts';

/**
 * Reads chunks in so many threads, each one chunk at a time, and hands `onChunk` the rows of each as it is done. What a
 * thread throws ends the others.
 * @throws MillraceError what `runChunk` throws, FEATURE_READ_DIED where a thread ended by itself
 * @throws the signal's reason once it is aborted
 */
export async function runInThreads(
  start: ReadThreadStart,
  jobs: readonly ChunkJob[],
  options: { readonly threads: number; readonly signal?: AbortSignal | undefined; readonly onChunk?: (rows: number) => void },
): Promise<void> {
  let next = 0;
  const threads: ReadThread[] = [];
  const go = async (): Promise<void> => {
    const thread = new ReadThread(start);
    threads.push(thread);
    while (next < jobs.length) {
      options.signal?.throwIfAborted();
      options.onChunk?.(await thread.chunk(jobs[next++]!));
    }
    await thread.end();
  };
  const stop = (): void => {
    for (const thread of threads) thread.terminate();
  };
  options.signal?.addEventListener('abort', stop, { once: true });
  try {
    await Promise.all(Array.from({ length: Math.max(1, Math.min(options.threads, jobs.length)) }, go));
  } catch (error) {
    stop();
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', stop);
  }
}
