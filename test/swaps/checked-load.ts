import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';

/** The score that a version gives a distance, from the model's formula. */
export type ScoreOf = (version: number, distance: number) => number;

interface Scored {
  readonly score: number;
  readonly version: number;
}
interface NativeAnswer {
  readonly predictions: readonly Scored[];
}
interface TensorAnswer {
  readonly model_version: string;
  readonly outputs: readonly { readonly data: readonly number[] }[];
}

/** What it asks besides. */
export interface CheckedLoadOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** How long each connection rests between its requests. */
  readonly pauseMs?: number;
  /** No reads of Redis, which has a limit of its own on a busy machine. */
  readonly tensorsOnly?: boolean;
}

/** A request that nobody answers is a failure. */
const ANSWER_MS_MAX = 60_000;
const TOLERANCE = 1e-5;
const FAILURES_KEPT = 20;
const ROWS = [1, 2, 5, 30] as const;
const DISTANCES = 500;

/**
 * Asks as fast as it is answered, over so many connections, by entity keys and by raw tensors, one row and many; every score
 * has to be that of the version which the answer names.
 */
export class CheckedLoad {
  /** Requests answered, and rows in them. */
  requests = 0;
  rows = 0;
  readonly versions = new Set<number>();
  readonly failures: string[] = [];
  readonly #pool: Pool;
  readonly #scoreOf: ScoreOf;
  readonly #options: CheckedLoadOptions;
  readonly #loops: Promise<void>[];
  #stopped: Promise<void> | undefined;

  constructor(url: string, connections: number, scoreOf: ScoreOf, options: CheckedLoadOptions = {}) {
    this.#pool = new Pool(url, { connections, headersTimeout: ANSWER_MS_MAX });
    this.#scoreOf = scoreOf;
    this.#options = options;
    this.#loops = Array.from({ length: connections }, (_, i) => this.#loop(i));
  }

  /** Resolves when the last answers are in; asking twice is asking once. */
  stop(): Promise<void> {
    this.#stopped ??= Promise.resolve()
      .then(() => Promise.all(this.#loops))
      .then(() => this.#pool.close());
    return this.#stopped;
  }

  async #loop(connection: number): Promise<void> {
    for (let turn = connection; this.#stopped === undefined; turn++) {
      const count = ROWS[turn % ROWS.length]!;
      const distances = Array.from({ length: count }, (_, i) => (turn * 7 + i * 13) % DISTANCES);
      try {
        await (turn % 3 === 0 || this.#options.tensorsOnly === true ? this.#askTensors(distances) : this.#askKeys(distances, turn));
        this.requests++;
        this.rows += count;
      } catch (error) {
        if (this.failures.length < FAILURES_KEPT) this.failures.push(String(error));
      }
      if (this.#options.pauseMs !== undefined) await sleep(this.#options.pauseMs);
    }
  }

  async #askKeys(distances: readonly number[], turn: number): Promise<void> {
    const instances = distances.map((distance, i) => ({ flightId: `F${turn}`, origin: `A${(turn + i) % 97}`, carrier: 'UA', distance }));
    const { predictions } = await this.#post<NativeAnswer>('/v1/models/delay/predict', { instances });
    predictions.forEach(({ score, version }, i) => this.#check(version, distances[i]!, score));
  }

  async #askTensors(distances: readonly number[]): Promise<void> {
    const data = distances.map((distance) => [0, 0, distance, 3]);
    const inputs = [{ name: 'features', datatype: 'FP32', shape: [distances.length, 4], data }];
    const answer = await this.#post<TensorAnswer>('/v2/models/delay/infer', { inputs, outputs: [{ name: 'score' }] });
    answer.outputs[0]!.data.forEach((score, i) => this.#check(Number(answer.model_version), distances[i]!, score));
  }

  async #post<T>(path: string, body: unknown): Promise<T> {
    const headers = { 'content-type': 'application/json', ...this.#options.headers };
    const { statusCode, body: answer } = await this.#pool.request({ method: 'POST', path, headers, body: JSON.stringify(body) });
    const text = await answer.text();
    if (statusCode !== 200) throw new Error(`${path} answered ${statusCode}: ${text.slice(0, 300)}`);
    return JSON.parse(text) as T;
  }

  #check(version: number, distance: number, score: number): void {
    this.versions.add(version);
    const expected = this.#scoreOf(version, distance);
    if (Math.abs(score - expected) > TOLERANCE) throw new Error(`version ${version} at ${distance}: expected ${expected}, found ${score}`);
  }
}
