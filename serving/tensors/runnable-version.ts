import type { Ensemble } from '../../src/contracts/ensemble.ts';
import type { Tensor } from '../../src/contracts/tensor.ts';
import type { TensorSignature } from '../../src/contracts/tensor-signature.ts';
import type { Departure } from '../batcher/departure.ts';
import type { RequestTrace } from '../request-trace.ts';
import type { RoutedVersion } from '../router/model-router.ts';
import type { Placement } from '../session-host/session.ts';
import type { TensorAnswer } from './tensor-batcher.ts';

/** Of whoever asks. */
export interface TensorAsked {
  /** When nobody waits for the answer any more; absent: somebody always does. */
  readonly departure?: Departure | undefined;
  /** Of a request that is recorded. */
  readonly trace?: RequestTrace | undefined;
}

/** A version of a model without a feature service that is loaded and verified, whatever runs it. */
export interface RunnableVersion extends RoutedVersion {
  readonly digest: string;
  /** What runs it, as the Open Inference Protocol names it. */
  readonly platform: string;
  readonly signature: TensorSignature;
  readonly session: { readonly placement: Placement | 'members'; readonly provider: string };
  readonly queuedRows: number;
  /** What it runs, where it is one; else null. */
  readonly ensemble: Ensemble | null;
  /**
   * @param deadline on the scale of the timers' `now()`
   * @throws MODEL_NOT_READY, SERVING_OVERLOADED, SERVING_DEADLINE_EXCEEDED, SERVING_CANCELLED, SERVING_SESSION_*, REQUEST_TOO_LARGE
   */
  run(inputs: readonly Tensor[], deadline: number, asked?: TensorAsked): Promise<TensorAnswer>;
}
