import { isMillraceError } from '../../src/core/millrace-error.ts';
import type { Timers } from '../batcher/timers.ts';
import { readRows } from '../features/read-rows.ts';
import type { ViewReader } from '../features/view-reader.ts';
import type { ServingVersion } from '../router/serving-version.ts';
import type { ServedModel } from '../served-model.ts';
import type { ServingMetrics } from '../serving-metrics.ts';
import { buildDecision, type AnsweredRequest } from './build-decision.ts';
import type { DecisionLog } from './decision-log.ts';

/** Longest wait for a shadow's score; the decision is stored without it then. */
const SHADOW_TIMEOUT_MS = 5_000;

export interface DecisionCompleterOptions {
  readonly log: DecisionLog;
  readonly reader: ViewReader;
  readonly metrics: ServingMetrics;
  readonly timers: Timers;
  /** Rows that may be with a shadow at one time. */
  readonly shadowRowsMax: number;
}

/** What happens after an answer: the shadow scores, then the decisions are stored. Never delays an answer. */
export class DecisionCompleter {
  readonly #options: DecisionCompleterOptions;
  #shadowRows = 0;

  constructor(options: DecisionCompleterOptions) {
    this.#options = options;
  }

  /** @returns undefined where there is no shadow to wait for */
  complete(request: AnsweredRequest): Promise<void> | undefined {
    const { log } = this.#options;
    const { predictions, kinds, cause } = request;
    const { shadow } = request.model.router.routes;
    if (shadow !== null) return this.#completeWithShadow(shadow, request);
    for (let i = 0; i < predictions.length; i++) log.commit(kinds[i]!, buildDecision(request, i, null), cause);
    return undefined;
  }

  async #completeWithShadow(shadow: ServingVersion, request: AnsweredRequest): Promise<void> {
    const { log, metrics } = this.#options;
    const { predictions, kinds, cause } = request;
    for (let i = 0; i < predictions.length; i++) log.remember(kinds[i]!, buildDecision(request, i, null));
    const scores = await this.#shadowScores(shadow, request);
    predictions.forEach(({ score, label }, i) => {
      const shadowScore = scores?.[i];
      if (shadowScore === undefined || !Number.isFinite(shadowScore)) {
        log.commit(kinds[i]!, buildDecision(request, i, null), cause);
        return;
      }
      const shadowLabel = shadowScore >= shadow.signature.threshold;
      metrics.shadows.observe(request.model.name, shadow.version, { score, label, shadowScore, shadowLabel });
      log.commit(kinds[i]!, buildDecision(request, i, { version: shadow.version, score: shadowScore }), cause);
    });
  }

  async #shadowScores(shadow: ServingVersion, request: AnsweredRequest): Promise<Float32Array | null> {
    const { reader, metrics, timers, shadowRowsMax } = this.#options;
    const { model, parsed, made, predictions, asOf } = request;
    if (this.#shadowRows + predictions.length > shadowRowsMax) {
      metrics.shadowDropped.inc({ model: model.name }, predictions.length);
      return null;
    }
    this.#shadowRows += predictions.length;
    try {
      const all = predictions.map((_, i) => i);
      // A shadow trained on other versions of the views reads for itself, a moment later than the champion did.
      const { rows } = made.find(({ program }) => program === shadow.program) ?? (await readRows(reader, shadow.program, parsed.by(shadow.program), asOf, metrics.freshness));
      return (await shadow.score(rows, all, timers.now() + SHADOW_TIMEOUT_MS)).scores;
    } catch (error) {
      metrics.shadowDropped.inc({ model: model.name }, predictions.length);
      // A full queue or a replaced version says nothing about the shadow's health.
      const harmless = isMillraceError(error) && (error.code === 'SERVING_OVERLOADED' || error.code === 'MODEL_NOT_READY');
      if (!harmless) countError(model, shadow.version, error);
      return null;
    } finally {
      this.#shadowRows -= predictions.length;
    }
  }
}

/** What a caller did: it went away, or sent more at once than any queue, or run, of the version holds. */
const callerCodes: readonly string[] = ['SERVING_CANCELLED', 'REQUEST_INVALID', 'REQUEST_TOO_LARGE'];

/** Notes a failed answer of a version; the registry is told with the next report. What the caller did is no fault of it. */
export function countError(model: Pick<ServedModel, 'errorsByVersion'>, version: number, error: unknown): void {
  if (isMillraceError(error) && callerCodes.includes(error.code)) return;
  model.errorsByVersion.set(version, (model.errorsByVersion.get(version) ?? 0) + 1);
}
