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
}

export interface PredictOptions extends Caller {
  /** Decision time, ms since the epoch: features are as of it. Now, where absent. */
  readonly asOf?: number | undefined;
  /** Time that the caller allows, in ms. */
  readonly timeoutMs?: number | undefined;
  /** Of a request that is recorded. */
  readonly trace?: RequestTrace | undefined;
}
