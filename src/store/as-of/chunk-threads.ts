import { Worker } from 'node:worker_threads';
import { MillraceError } from '../../core/millrace-error.ts';
import type { ChunkAnswer, ChunkRequest, ChunkThreadStart } from './chunk-messages.ts';
import type { ChunkJob } from './run-chunk.ts';

/** Reads one chunk; answers its rows. */
export type RunChunk = (job: ChunkJob) => Promise<number>;

/**
 * Reads chunks in so many threads, each one chunk at a time, and hands `onChunk` the rows of each as it is done. What a
 * thread throws ends the others.
 * @throws MillraceError what `runChunk` throws, FEATURE_READ_DIED where a thread ended by itself
 * @throws the signal's reason once it is aborted
 */
export async function runInThreads(
  start: ChunkThreadStart,
  jobs: readonly ChunkJob[],
  options: { readonly threads: number; readonly signal?: AbortSignal | undefined; readonly onChunk?: (rows: number) => void },
): Promise<void> {
  let next = 0;
  const threads: ChunkThread[] = [];
  const go = async (): Promise<void> => {
    const thread = new ChunkThread(start);
    threads.push(thread);
    while (next < jobs.length) {
      options.signal?.throwIfAborted();
      options.onChunk?.(await thread.run(jobs[next++]!));
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

class ChunkThread {
  readonly #worker: Worker;
  readonly #ended: Promise<string>;

  constructor(start: ChunkThreadStart) {
    this.#worker = new Worker(new URL('./chunk-thread-main.mjs', import.meta.url), { workerData: start, execArgv: [] });
    this.#ended = new Promise((resolve) => {
      this.#worker.once('error', (error) => resolve(error.message));
      this.#worker.once('exit', (code) => resolve(`it ended with code ${code}`));
    });
  }

  async run(job: ChunkJob): Promise<number> {
    const answered = new Promise<ChunkAnswer>((resolve) => this.#worker.once('message', resolve));
    this.#worker.postMessage(job satisfies ChunkRequest);
    const answer = await Promise.race([answered, this.#ended]);
    if (typeof answer === 'string') throw died(answer);
    if ('rows' in answer) return answer.rows;
    if (answer.code === null) throw died(answer.message);
    throw new MillraceError(answer.code, answer.message, { details: answer.details as Record<string, string> });
  }

  async end(): Promise<void> {
    this.#worker.postMessage(null satisfies ChunkRequest);
    await this.#ended;
  }

  terminate(): void {
    void this.#worker.terminate();
  }
}

const died = (what: string): MillraceError =>
  new MillraceError(
    'FEATURE_READ_DIED',
    `A thread that reads features of the past died: ${what}. Nothing is written; read again, with less memory for a chunk or fewer threads if it ran out of memory.`,
  );
