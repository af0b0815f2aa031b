import { once } from 'node:events';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { WireInferRequest, WireStreamAnswer } from '../../src/contracts/inference.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { Departure } from '../batcher/departure.ts';
import { serviceErrorOf } from './grpc-status.ts';

export type InferCall = ServerDuplexStream<WireInferRequest, WireStreamAnswer>;

export interface InferStreamOptions {
  /** Never rejects. */
  readonly answer: (request: WireInferRequest, departure: Departure) => Promise<WireStreamAnswer>;
  readonly onEnd: (stream: InferStream) => void;
  /** Requests that are under way; what comes beyond is not read yet. */
  readonly requestsMax?: number;
  /** A stream without a request for so long is ended: it would hold its place for ever. */
  readonly idleMsMax?: number;
}

export const STREAM_REQUESTS_MAX = 32;
export const STREAM_IDLE_MS_MAX = 600_000;

/**
 * One stream of inference requests: they run side by side, and each is answered in the order in which they came, a failed one
 * within the stream. Where the caller does not read, nothing more is read from it.
 */
export class InferStream {
  readonly #call: InferCall;
  readonly #options: InferStreamOptions;
  readonly #requestsMax: number;
  readonly #gone = new AbortController();
  /** Of the requests under way. */
  readonly #departures = new Set<Departure>();
  /** Resolves when all that was taken is answered. */
  #answered: Promise<void> = Promise.resolve();
  #isEnding = false;
  #idle: NodeJS.Timeout | undefined;

  constructor(call: InferCall, options: InferStreamOptions) {
    this.#call = call;
    this.#options = options;
    this.#requestsMax = options.requestsMax ?? STREAM_REQUESTS_MAX;
    this.#watchIdle();
    call.on('data', this.#take);
    call.once('end', () => this.#end());
    call.once('cancelled', () => this.#leave());
  }

  /** Takes no more requests, answers those it has, and tells its caller to begin again elsewhere. */
  retire(): void {
    this.#end(new MillraceError('SERVING_DRAINING', 'The stream was ended: this serving process is shutting down. Begin another one; requests without an answer were not taken.'));
  }

  readonly #take = (request: WireInferRequest): void => {
    clearTimeout(this.#idle);
    const departure = new Departure();
    this.#departures.add(departure);
    if (this.#departures.size >= this.#requestsMax) this.#call.pause();
    const answering = this.#options.answer(request, departure);
    this.#answered = this.#answered.then(async () => {
      await this.#write(await answering);
      this.#departures.delete(departure);
      if (this.#isEnding) return;
      this.#call.resume();
      if (this.#departures.size === 0) this.#watchIdle();
    });
  };

  async #write(answer: WireStreamAnswer): Promise<void> {
    const { signal } = this.#gone;
    if (signal.aborted || this.#call.write(answer)) return;
    await once(this.#call, 'drain', { signal }).catch(() => undefined);
  }

  #watchIdle(): void {
    const { idleMsMax = STREAM_IDLE_MS_MAX } = this.#options;
    this.#idle = setTimeout(() => {
      this.#end(new MillraceError('SERVING_DEADLINE_EXCEEDED', `The stream was ended: no request came for ${idleMsMax / 1_000} s. Begin another one.`));
    }, idleMsMax).unref();
  }

  #end(reason?: MillraceError): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    clearTimeout(this.#idle);
    this.#call.off('data', this.#take);
    this.#call.pause();
    void this.#answered.then(() => {
      this.#options.onEnd(this);
      if (this.#gone.signal.aborted) return;
      if (reason === undefined) this.#call.end();
      else this.#call.emit('error', serviceErrorOf(reason));
    });
  }

  #leave(): void {
    this.#gone.abort();
    for (const departure of this.#departures) departure.leave();
    this.#end();
  }
}
