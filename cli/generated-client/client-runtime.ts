/** What is known of a model when a client is generated. */
export interface ModelTypes {
  readonly instance: object;
  readonly feature: string;
}

export interface ClientOptions {
  /** Of a serving process or of the balancer before several, such as `http://127.0.0.1:7480`. */
  readonly url: string;
  /** Where serving has access control: a key, or a token. */
  readonly apiKey?: string;
  readonly token?: string;
  /** Time of a call with all its attempts; 1000 where absent. */
  readonly timeoutMs?: number;
  /** Attempts of a call that is answered 429 or 503; 3 where absent. */
  readonly attemptsMax?: number;
  /** Instead of the platform's own. */
  readonly fetch?: typeof fetch;
}

export type Output = 'score' | 'label';

export interface CallOptions<F extends string, O extends Output> {
  /** Decision time: a Date, ms since the epoch or ISO 8601 with a zone; now where absent. */
  readonly asOf?: Date | number | string;
  /** What is answered of each score; both where absent. */
  readonly outputs?: readonly O[];
  readonly include?: { readonly features?: boolean | readonly F[]; readonly ages?: boolean; readonly explanation?: boolean };
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface Explanation {
  readonly asOf: number;
  readonly threshold: number | null;
  readonly split: { readonly by: readonly string[]; readonly point: number | null; readonly canaryShare: number | null; readonly experiment: string | null };
  readonly fences: Readonly<Record<string, Readonly<Record<string, number>> | null>>;
  readonly latencyMs: { readonly features: number; readonly queue: number; readonly compute: number; readonly total: number } | null;
}

export type Prediction<F extends string, O extends Output = Output> = Pick<{ readonly score: number; readonly label: boolean }, O> & {
  readonly decisionId: string;
  readonly version: number;
  /** `champion`, `canary`, or `<experiment>/<arm>`. */
  readonly variant: 'champion' | 'canary' | `${string}/${string}`;
  readonly digest: string;
  readonly features?: { readonly [K in F]?: number | string | null };
  readonly views?: readonly { readonly view: string; readonly version: number; readonly ageMs: number | null }[];
  readonly explanation?: Explanation;
};

/** What a serving process refused, or a call that had no answer in time. */
export class PredictionError extends Error {
  override readonly name = 'PredictionError';
  /** Of the answer; 0 where there was none. */
  readonly status: number;
  /** Millrace's code, such as `MODEL_NOT_READY`; docs/errors.md has them. */
  readonly code: string;
  readonly attempts: number;

  constructor(message: string, status: number, code: string, attempts: number, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
    this.code = code;
    this.attempts = attempts;
  }
}

const TIMEOUT_MS = 1_000;
const ATTEMPTS_MAX = 3;
/** Of an answer without Retry-After; doubles with each attempt. */
const WAIT_MS_MIN = 50;
const OK = 200;
/** Answers of these statuses were given before anything was scored or stored. */
const RETRIED: readonly number[] = [429, 503];

/** Predictions of a project's models, by their names and with their fields. */
export class PredictionClient<Models extends { readonly [M in keyof Models]: ModelTypes }> {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** Answers one prediction per instance, in their order. @throws PredictionError */
  async predict<M extends keyof Models & string, O extends Output = Output>(
    model: M,
    instances: readonly Models[M]['instance'][],
    options: CallOptions<Models[M]['feature'], O> = {},
  ): Promise<Prediction<Models[M]['feature'], O>[]> {
    const { asOf, outputs, include } = options;
    const body = JSON.stringify({ instances, asOf: asOf instanceof Date ? asOf.getTime() : asOf, outputs, include });
    const answer = await this.#call(model, body, options.timeoutMs ?? this.#options.timeoutMs ?? TIMEOUT_MS, options.signal);
    return (answer as { predictions: Prediction<Models[M]['feature'], O>[] }).predictions;
  }

  /** @throws PredictionError */
  async predictOne<M extends keyof Models & string, O extends Output = Output>(
    model: M,
    instance: Models[M]['instance'],
    options: CallOptions<Models[M]['feature'], O> = {},
  ): Promise<Prediction<Models[M]['feature'], O>> {
    const [prediction] = await this.predict(model, [instance], options);
    return prediction as Prediction<Models[M]['feature'], O>;
  }

  async #call(model: string, body: string, timeoutMs: number, signal: AbortSignal | undefined): Promise<unknown> {
    const { attemptsMax = ATTEMPTS_MAX } = this.#options;
    const deadline = Date.now() + timeoutMs;
    for (let attempt = 1; ; attempt++) {
      const { status, answer, retryAfterMs } = await this.#attempt(model, body, deadline, attempt, signal);
      if (status === OK) return answer;
      const waitMs = retryAfterMs ?? WAIT_MS_MIN * 2 ** (attempt - 1);
      const { error = `answered ${status}`, code = '' } = (answer ?? {}) as { error?: string; code?: string };
      if (!RETRIED.includes(status) || attempt >= attemptsMax || Date.now() + waitMs >= deadline) throw new PredictionError(error, status, code, attempt);
      await pause(waitMs, signal);
    }
  }

  async #attempt(model: string, body: string, deadline: number, attempt: number, signal: AbortSignal | undefined) {
    const { url, apiKey, token, fetch: send = fetch } = this.#options;
    const leftMs = Math.max(1, deadline - Date.now());
    const stop = new AbortController();
    const stopNow = (): void => stop.abort(signal?.reason);
    const limit = setTimeout(() => stop.abort(new Error('deadline')), leftMs);
    signal?.addEventListener('abort', stopNow, { once: true });
    if (signal?.aborted === true) stopNow();
    try {
      const response = await send(`${url}/v1/models/${encodeURIComponent(model)}/predict`, {
        method: 'POST',
        body,
        signal: stop.signal,
        headers: {
          'content-type': 'application/json',
          'x-request-timeout': String(leftMs),
          ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
      });
      const text = await response.text();
      const seconds = Number(response.headers.get('retry-after') ?? NaN);
      return { status: response.status, answer: parse(text), retryAfterMs: Number.isFinite(seconds) ? seconds * 1_000 : undefined };
    } catch (cause) {
      if (signal?.aborted === true) throw new PredictionError(`Prediction of '${model}' was aborted.`, 0, 'ABORTED', attempt, cause);
      if (stop.signal.aborted) throw new PredictionError(`Prediction of '${model}' had no answer in time.`, 0, 'SERVING_DEADLINE_EXCEEDED', attempt, cause);
      throw new PredictionError(`Nothing answers at ${url}.`, 0, 'PROCESS_UNREACHABLE', attempt, cause);
    } finally {
      clearTimeout(limit);
      signal?.removeEventListener('abort', stopNow);
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Ends early, without an error, where the caller gives up: the next attempt then says so. */
const pause = (ms: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
