import type { Tensor } from '../../src/contracts/tensor.ts';
import type { TensorSignature } from '../../src/contracts/tensor-signature.ts';
import type { RequestTrace } from '../request-trace.ts';
import type { RoutedVersion } from '../router/model-router.ts';
import type { Placement } from '../session-host/session.ts';
import type { TensorAnswer } from './tensor-batcher.ts';

/** A version of a model without a feature service that is loaded and verified, whatever runs it. */
export interface RunnableVersion extends RoutedVersion {
  readonly digest: string;
  /** What runs it, as the Open Inference Protocol names it. */
  readonly platform: string;
  readonly signature: TensorSignature;
  readonly session: { readonly placement: Placement | 'members'; readonly provider: string };
  readonly queuedRows: number;
  /**
   * @param deadline on the scale of the timers' `now()`
   * @throws MODEL_NOT_READY, SERVING_OVERLOADED, SERVING_DEADLINE_EXCEEDED, SERVING_SESSION_*, REQUEST_TOO_LARGE
   */
  run(inputs: readonly Tensor[], deadline: number, trace?: RequestTrace): Promise<TensorAnswer>;
}
