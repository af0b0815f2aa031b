import { Worker } from 'node:worker_threads';
import { MillraceError } from '../../core/millrace-error.ts';
import type { ReadThreadStart, RowsJob, ThreadAnswer, ThreadRequest } from './thread-messages.ts';
import type { ViewValues } from './read-chunk.ts';
import type { ChunkJob } from './run-chunk.ts';

/** A thread that reads the past over connections of its own, one request at a time: the caller's thread stays free. */
export class ReadThread {
  readonly #worker: Worker;
  readonly #ended: Promise<string>;

  constructor(start: ReadThreadStart) {
    this.#worker = new Worker(new URL('./read-thread-main.mjs', import.meta.url), { workerData: start, execArgv: [] });
    this.#ended = new Promise((resolve) => {
      this.#worker.once('error', (error) => resolve(error.message));
      this.#worker.once('exit', (code) => resolve(`it ended with code ${code}`));
    });
  }

  /** Reads a chunk of a run. @returns its rows @throws MillraceError what `runChunk` throws, FEATURE_READ_DIED */
  async chunk(job: ChunkJob): Promise<number> {
    const answer = await this.#ask({ chunk: job });
    return 'rows' in answer ? answer.rows : 0;
  }

  /** Reads some rows. @returns per view that was asked for @throws MillraceError what `readViews` throws, FEATURE_READ_DIED */
  async rows(job: RowsJob): Promise<readonly ViewValues[]> {
    const answer = await this.#ask({ rows: job });
    return 'reads' in answer ? answer.reads : [];
  }

  async end(): Promise<void> {
    this.#worker.postMessage(null satisfies ThreadRequest);
    await this.#ended;
  }

  /** Ends it in the middle of whatever it does. */
  terminate(): void {
    void this.#worker.terminate();
  }

  async #ask(request: ThreadRequest): Promise<Exclude<ThreadAnswer, { message: string }>> {
    const answered = new Promise<ThreadAnswer>((resolve) => this.#worker.once('message', resolve));
    this.#worker.postMessage(request);
    const answer = await Promise.race([answered, this.#ended]);
    if (typeof answer === 'string') throw died(answer);
    if (!('message' in answer)) return answer;
    if (answer.code === null) throw died(answer.message);
    throw new MillraceError(answer.code, answer.message, { details: answer.details });
  }
}

const died = (what: string): MillraceError =>
  new MillraceError(
    'FEATURE_READ_DIED',
    `A thread that reads features of the past died: ${what}. Nothing is written; read again, with less memory for a chunk or fewer threads if it ran out of memory.`,
  );
