/** Requests at a rate, whether those before them were answered or not. */
export interface OpenLoop {
  readonly kind: 'open';
  readonly rate: number;
  /** A request that finds all connections busy is given up, as one that was not answered; else it waits, and that counts. */
  readonly givesUp?: boolean;
  /** At most; 4,096 by default. A process accepts one a turn of its event loop, so that hundreds of new ones in a moment are a load of their own. */
  readonly connectionsMax?: number;
}

/** What the load generator is asked for. */
export interface LoadSpec {
  /** `http:`, or `grpc://host:port/package.Service/Method` with messages as bodies. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent in turn. */
  readonly bodies: readonly (string | Uint8Array)[];
  /** Replaces {@link STAMP} in the one body, so that each request has another row. */
  readonly stamp?: StampSpec;
  readonly loop: { readonly kind: 'closed'; readonly connections: number } | OpenLoop;
  readonly seconds: number;
  /** An answer that took longer is of no use to its caller; any is by default. */
  readonly inTimeMs?: number;
  /** Comes before and isn't measured. */
  readonly warmUpSeconds?: number;
  /** Of a closed loop: the warm-up lasts until so many answers came, instead, or for half a minute. */
  readonly warmUpAnswers?: number;
}

/** Numbers that never come twice, or those of entities by how often they are asked for (Zipf: the k-th at 1 / k^exponent). */
export type StampSpec =
  | { readonly kind: 'counter'; readonly from: number }
  | { readonly kind: 'zipf'; readonly entities: number; readonly exponent: number };

/** As wide as the digits that it makes room for. */
export const STAMP = '@@@@@@@';
/** Stamps are below it. */
export const STAMP_MAX = 10 ** STAMP.length;

export interface LoadFigures {
  /** Answers with status 200, a second. */
  readonly rate: number;
  /** Of these, those within `inTimeMs`. */
  readonly inTimeRate: number;
  /** Answers of any status in the whole run, its warm-up included. */
  readonly answered: number;
  /** All other answers, a second. */
  readonly refusedRate: number;
  /** Answers other than 200, by status; 0 is a connection that was lost, or an answer that never came. */
  readonly failures: Readonly<Record<number, number>>;
  /** From when a request was due, so that a stall shows in every request that it held up. */
  readonly ms: Quantiles;
  readonly refusalMs: Quantiles;
  /** Share of its time that the generator was at work in a closed loop: near 1, it is what was measured. */
  readonly busy: number;
}

export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}
