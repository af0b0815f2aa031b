import { MillraceError } from '../src/core/millrace-error.ts';
import type { Model } from '../src/define/model.ts';
import { compileService, type ServiceProgram } from '../src/fold/compile-service.ts';
import type { Priority } from './batcher/priority.ts';
import { systemTimers } from './batcher/timers.ts';
import { ConcurrencyLimiter } from './limit/concurrency-limiter.ts';
import type { GradientLimit } from './limit/gradient-limit.ts';
import type { ModelRouter } from './router/model-router.ts';

/** A model of the project, ready to take requests. */
export interface ServedModel {
  readonly name: string;
  readonly definition: Model;
  /** Of the project's file; each version brings the program that it was trained with. */
  readonly program: ServiceProgram;
  readonly router: ModelRouter;
  /** In front of the whole path. */
  readonly limiter: ConcurrencyLimiter;
  /** Failed answers of each version since the process started. */
  readonly errorsByVersion: Map<number, number>;
}

export function createServedModel(
  definition: Model,
  createRouter: (program: ServiceProgram) => ModelRouter,
  limit: GradientLimit | null = null,
): ServedModel {
  const program = compileService(definition.service);
  return {
    name: definition.name,
    definition,
    program,
    router: createRouter(program),
    limiter: new ConcurrencyLimiter({ model: definition.name, limit, timers: systemTimers }),
    errorsByVersion: new Map(),
  };
}

/** Of a router, whatever its versions are. */
type Routed = Pick<ModelRouter, 'unloaded' | 'loading' | 'settled'> & { readonly routes: { readonly champion: unknown } };

/** @throws MODEL_NOT_READY */
export function assertReady({ name, router }: { readonly name: string; readonly router: Routed }): void {
  if (router.routes.champion !== null) return;
  const [why, next] = reasonOf(router);
  throw new MillraceError('MODEL_NOT_READY', `Model '${name}' answers no predictions: ${why}. ${next}`);
}

function reasonOf(router: Routed): [why: string, next: string] {
  if (router.unloaded) return [UNLOADED, 'Ask another process, or have it loaded again.'];
  if (router.loading || !router.settled) return ['its versions are being loaded', 'Try again in a moment.'];
  return ['no version was promoted yet', 'Try again after a promotion.'];
}

export const UNLOADED = 'an operator unloaded it from this process';

/**
 * Refuses rows before they are read where one version answers all that comes and has more to do than it can until the deadline.
 * @throws SERVING_DEADLINE_EXCEEDED
 */
export function assertInTime({ router }: ServedModel, rows: number, deadline: number, priority?: Priority): void {
  const { champion, canary, arms } = router.routes;
  if (canary === null && (arms?.routes.length ?? 0) === 0) champion?.assertInTime(rows, deadline, priority);
}
