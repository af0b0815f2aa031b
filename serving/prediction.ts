import type { Decision } from '../src/contracts/decision.ts';
import type { Caller } from './batcher/batcher.ts';
import type { RequestTrace } from './request-trace.ts';

/** The answer for one instance. */
export interface Prediction {
  readonly decisionId: string;
  /** Probability of the positive class. */
  readonly score: number;
  /** Whether the score reaches the version's threshold. */
  readonly label: boolean;
  readonly version: number;
  readonly variant: Decision['variant'];
  readonly digest: string;
  /** Where asked for, by name: as the model took them. */
  readonly features?: Readonly<Record<string, number | string | null>>;
  /** Where asked for: each view that was read, and ms from its state's newest known time to the decision time; null without a state. */
  readonly views?: readonly { readonly view: string; readonly version: number; readonly ageMs: number | null }[];
  /** Where asked for: why this version answered, and from what. */
  readonly explanation?: Explanation;
}

/** Why a version answered, and what it had read. */
export interface Explanation {
  readonly asOf: number;
  /** Score from which the label is true. */
  readonly threshold: number | null;
  readonly split: {
    readonly by: readonly string[];
    /** In [0, 1), of the experiment whose arm answered, else of the model: below the canary's share the canary answers; null where it was drawn. */
    readonly point: number | null;
    readonly canaryShare: number | null;
    /** Whose arm answered; null where none did. */
    readonly experiment: string | null;
  };
  /** By view, the highest source offset by partition that the state had seen; null without a state. */
  readonly fences: Readonly<Record<string, Decision['reads'][number]['fence'] | null>>;
  readonly latencyMs: Decision['latencyMs'] | null;
}

/** What a caller wants to know besides scores. */
export interface PredictInclude {
  /** All of them, or those named. */
  readonly features?: boolean | readonly string[] | undefined;
  readonly ages?: boolean | undefined;
  readonly explanation?: boolean | undefined;
}

export interface PredictOptions extends Caller {
  /** Decision time, ms since the epoch: features are as of it. Now, where absent. */
  readonly asOf?: number | undefined;
  /** When the request came, on the scale of `timers.now()`: what it waited since counts. Absent: now. */
  readonly arrivedAt?: number | undefined;
  /** Time that the caller allows from then on, in ms. */
  readonly timeoutMs?: number | undefined;
  /** Whether the caller asks again after an error: nothing has failed yet then. Never, where absent. */
  readonly asksAgain?: ((error: unknown) => boolean) | undefined;
  /** Of a request that is recorded. */
  readonly trace?: RequestTrace | undefined;
  readonly include?: PredictInclude | undefined;
}
