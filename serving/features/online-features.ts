import type { Clock } from '../../src/core/clock.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import type { OnlineCatalog, OnlineReadPlan, OnlineSelection } from '../../src/store/online-catalog.ts';
import { parseEntities } from '../../src/store/parse-entities.ts';
import { assertReadable } from '../../src/store/readable-moment.ts';
import { readOnlineRows, statesAsked, type OnlineAnswer, type OnlineInclude } from '../../src/store/online-rows.ts';
import type { Timers } from '../batcher/timers.ts';
import { inSpan } from '../../src/infra/tracing.ts';
import type { RequestTrace } from '../request-trace.ts';
import type { ServingMetrics } from '../serving-metrics.ts';
import { withDeadline } from '../with-deadline.ts';
import type { ViewReader } from './view-reader.ts';

export interface OnlineFeaturesRequest {
  readonly selection: OnlineSelection;
  readonly entities: readonly unknown[];
  /** Ms since the epoch; now, where absent. */
  readonly asOf?: number | undefined;
  /** Time that the caller allows, in ms. */
  readonly timeoutMs?: number | undefined;
  readonly include: OnlineInclude;
  /** Of a request that is recorded. */
  readonly trace?: RequestTrace | undefined;
}

export interface OnlineFeaturesOptions {
  readonly catalog: Pick<OnlineCatalog, 'plan'>;
  readonly reader: ViewReader;
  readonly metrics: ServingMetrics;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly entitiesMax: number;
  readonly keysMax: number;
  readonly timeoutMs: number;
}

/** Reads of feature values without a model. They share round trips, and decoded states, with predictions. */
export class OnlineFeatures {
  readonly #options: OnlineFeaturesOptions;

  constructor(options: OnlineFeaturesOptions) {
    this.#options = options;
  }

  /**
   * @throws FEATURE_NOT_FOUND, REQUEST_INVALID, FEATURE_AS_OF_TOO_EARLY, FEATURE_STALE, FEATURE_ON_DEMAND_FAILED,
   *   STATE_CORRUPT, STORE_UNAVAILABLE, SERVING_OVERLOADED, SERVING_DEADLINE_EXCEEDED
   */
  async read(request: OnlineFeaturesRequest): Promise<OnlineAnswer> {
    this.#options.metrics.inFlight.online++;
    try {
      return await this.#read(request);
    } catch (error) {
      this.#options.metrics.online.failed(error);
      throw error;
    } finally {
      this.#options.metrics.inFlight.online--;
    }
  }

  /** How many of a selection's names, the last ones, are of texts: a service's categories. @throws FEATURE_NOT_FOUND */
  textCount(selection: OnlineSelection): number {
    return 'service' in selection ? (this.#options.catalog.plan(selection).service?.categoryNames.length ?? 0) : 0;
  }

  async #read(request: OnlineFeaturesRequest): Promise<OnlineAnswer> {
    const { catalog, reader, metrics, timers, clock } = this.#options;
    const startedAt = timers.now();
    const plan = catalog.plan(request.selection);
    this.#assertSize(plan, request.entities.length);
    const entities = parseEntities(plan, request.entities);
    const asOf = request.asOf ?? clock();
    const asked = statesAsked(plan.views, entities);
    const deadline = startedAt + (request.timeoutMs ?? this.#options.timeoutMs);
    const reading = withDeadline(reader.read(asked), deadline, timers);
    const states = await (request.trace === undefined ? reading : inSpan(request.trace.start('features', { 'millrace.states': asked.length }), () => reading));
    assertReadable(asked, states, asOf);
    metrics.freshness.observeStates(asked, states, asOf);
    const answer = readOnlineRows(plan, entities, states, asOf, request.include, metrics.freshness.countReads);
    metrics.online.answered(plan.by, plan.service?.service.name ?? '', (timers.now() - startedAt) / 1_000, asked.length);
    return answer;
  }

  #assertSize({ views }: OnlineReadPlan, entities: number): void {
    const { entitiesMax, keysMax } = this.#options;
    const problems: string[] = [];
    if (entities < 1 || entities > entitiesMax) problems.push(`expected 1 to ${entitiesMax} entities, found ${entities}`);
    if (entities * views.length > keysMax) {
      problems.push(`expected at most ${keysMax} keys, found ${entities} entities of ${views.length} views`);
    }
    if (problems.length === 0) return;
    throw new MillraceError('REQUEST_INVALID', `Online read: ${problems.join('; ')}. Split it into several requests.`);
  }
}
