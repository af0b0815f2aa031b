import type { Worker } from 'node:cluster';
import type { Answer, FromMember, Question, ToMember } from './group-messages.ts';

export interface MemberEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A serving process as the primary sees it. */
export class MemberProcess {
  readonly startedAt = Date.now();
  readonly ended: Promise<MemberEnd>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #asked = 0;
  /** It was told to end. */
  leaving = false;
  isReady = false;

  constructor(worker: Worker, onMessage: (message: FromMember) => void) {
    this.#worker = worker;
    worker.on('message', (message: FromMember) => {
      if (message.kind === 'answer') this.#waiting.get(message.id)?.(message.answer);
      else onMessage(message);
    });
    // Without a listener, a process that can't be started or written to would end the primary.
    worker.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      worker.once('exit', (code: number | null, signal: string | null) => {
        this.isReady = false;
        for (const answer of this.#waiting.values()) answer(gone);
        resolve({ code, signal });
      });
    });
  }

  get pid(): number | undefined {
    return this.#worker.process.pid;
  }

  send(message: ToMember): void {
    if (this.#worker.isConnected()) this.#worker.send(message, () => undefined);
  }

  /** What it answers within the limit; an error where it ends or stays silent. */
  ask(question: Question, limitMs: number): Promise<Answer> {
    const id = this.#asked++;
    return new Promise((resolve) => {
      const answer = (found: Answer): void => {
        clearTimeout(limit);
        this.#waiting.delete(id);
        resolve(found);
      };
      const limit = setTimeout(() => answer(silent), limitMs);
      this.#waiting.set(id, answer);
      if (this.#worker.isConnected()) this.send({ kind: 'question', id, question });
      else answer(gone);
    });
  }

  /** SIGTERM, and SIGKILL where it has not ended after the limit. Whether that was needed. */
  async leave(limitMs: number): Promise<boolean> {
    this.leaving = true;
    const { process } = this.#worker;
    process.kill('SIGTERM');
    let wasKilled = false;
    const limit = setTimeout(() => {
      wasKilled = process.kill('SIGKILL');
    }, limitMs);
    await this.ended;
    clearTimeout(limit);
    return wasKilled;
  }
}

const failed = (message: string): Answer => ({ error: { code: 'SERVING_GROUP_UNAVAILABLE', message } });
const gone = failed('it has ended');
const silent = failed('it did not answer in time');
