import { isMillraceError } from '../src/core/millrace-error.ts';
import { Counter, Gauge, type Registry } from '../src/infra/metrics.ts';
import { OutcomeCounter } from '../src/infra/outcome-counter.ts';

/**
 * What became of a request: answered within the objective's time or slow, failed by a fault of ours, refused for one of the
 * caller's. The alert rules of deploy/rules count by these.
 */
const requestOutcomes = ['answered', 'slow', 'failed', 'refused'] as const;
type RequestOutcome = (typeof requestOutcomes)[number];

/** What predictions are held against. */
export interface ServingObjectives {
  /** An answer that takes longer is slow. */
  readonly objectiveLatencyMs: number;
  /** Share of answers that are not to be slow. */
  readonly objectiveLatency: number;
  /** Share of requests, those refused left out, that are not to fail. */
  readonly objectiveErrors: number;
}

export const objectivesDefault: ServingObjectives = { objectiveLatencyMs: 100, objectiveLatency: 0.99, objectiveErrors: 0.999 };

/** Stands for every name that is not a model of the project. */
export const UNKNOWN_MODEL = 'unknown';
const CALLERS_FAULT_FROM = 400;
const TOO_MANY_REQUESTS = 429;
const OURS_FROM = 500;

/** Requests for predictions, whatever the transport. Models are the project's, codes the error table's. */
export class RequestMetrics {
  readonly #requests: OutcomeCounter<RequestOutcome>;
  readonly #failures: Counter<'model' | 'code'>;
  readonly #slowMs: number;

  constructor(registry: Registry, objectives: ServingObjectives) {
    const registers = [registry];
    this.#slowMs = objectives.objectiveLatencyMs;
    this.#requests = new OutcomeCounter({
      name: 'millrace_prediction_requests_total',
      help: 'Requests for predictions, by what became of them: answered, slow (answered, but later than the objective), failed (a fault of ours) or refused (a fault of the caller).',
      outcomes: requestOutcomes,
      registry,
    });
    this.#failures = new Counter({
      name: 'millrace_prediction_failures_total',
      help: 'Requests that failed or were refused, by error code; the model is unknown where the project has none of that name.',
      labelNames: ['model', 'code'],
      registers,
    });
    const objective = new Gauge({
      name: 'millrace_prediction_objective',
      help: 'Share of requests that are to meet an objective, by objective: latency or errors.',
      labelNames: ['objective'],
      registers,
    });
    objective.set({ objective: 'latency' }, objectives.objectiveLatency);
    objective.set({ objective: 'errors' }, objectives.objectiveErrors);
  }

  /** Shows a model before its first request: a failure that is the first of its series would be no increase. */
  announce(model: string): void {
    this.#requests.of(model);
  }

  answered(model: string, tookMs: number): void {
    this.#end(model, tookMs > this.#slowMs ? 'slow' : 'answered');
  }

  failed(model: string, error: unknown): void {
    this.#failures.inc({ model, code: codeOf(error) });
    this.#end(model, outcomeOf(error));
  }

  #end(model: string, outcome: RequestOutcome): void {
    this.#requests.of(model)[outcome].value++;
  }
}

const codeOf = (error: unknown): string => (isMillraceError(error) ? error.code : 'unexpected');

/** Too many requests are a fault of ours: there are too few processes. */
function outcomeOf(error: unknown): RequestOutcome {
  const status = isMillraceError(error) ? error.httpStatus : OURS_FROM;
  return status >= CALLERS_FAULT_FROM && status < OURS_FROM && status !== TOO_MANY_REQUESTS ? 'refused' : 'failed';
}
