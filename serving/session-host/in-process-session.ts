import type { RowSession, Session } from './session.ts';

/** A session in the serving process: no hand-over, but its runs hold up the HTTP loop. */
export class InProcessSession implements Session {
  readonly placement = 'in-process';
  readonly provider: string;
  readonly #session: RowSession;
  #inFlight: Promise<unknown> = Promise.resolve();

  constructor(session: RowSession) {
    this.#session = session;
    this.provider = session.provider;
  }

  run(features: Float32Array, rows: number): Promise<Float32Array> {
    const scores = this.#session.run(features, rows);
    this.#inFlight = scores.catch(() => undefined);
    return scores;
  }

  async close(): Promise<void> {
    // Releasing a session with a queued run fails that run.
    await this.#inFlight;
    await this.#session.release();
  }
}
