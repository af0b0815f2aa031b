import type { RetrainRequest, TriggerKind } from '../contracts/lifecycle.ts';
import type { WindowReport } from './window-report.ts';
import type { TriggerPolicy } from './monitored-model.ts';

/** Fewer decisions or labels than this make no case for a retraining. */
export const ROWS_MIN = 200;

export interface TriggerContext {
  /** The newest data cut that training read or was asked to read, ms since the epoch. */
  readonly lastCut: number;
  /** Hold-out log loss of the version that served the window; null: it was never evaluated, so it can't degrade. */
  readonly referenceLogLoss: number | null;
  /** Labels that became known since the last cut. */
  readonly labelsSince: number;
  /** Moment, in event time, that a retraining would read up to. */
  readonly dataCut: number;
  readonly requestedBy: string;
}

/**
 * Whether a closed window calls for a retraining. The gravest reason is named: outcomes before
 * predictions, predictions before features, all before the mere number of labels.
 */
export function decideTrigger(policy: TriggerPolicy, window: WindowReport, context: TriggerContext): RetrainRequest | null {
  if (window.to < context.lastCut + policy.coolDownMs) return null;
  const found = [degraded, predictionDrift, featureDrift, newLabels]
    .map((check) => check(policy, window, context))
    .find((trigger) => trigger !== null);
  if (found === undefined || found === null) return null;
  const [trigger, reason] = found;
  const span = `${new Date(window.from).toISOString()} to ${new Date(window.to).toISOString()}`;
  return { trigger, reason: `${reason} (window ${span})`, requestedBy: context.requestedBy, dataCut: context.dataCut };
}

type Check = (policy: TriggerPolicy, window: WindowReport, context: TriggerContext) => [TriggerKind, string] | null;

const degraded: Check = (policy, { logLoss, labelled }, { referenceLogLoss }) => {
  if (logLoss === null || referenceLogLoss === null || labelled < ROWS_MIN) return null;
  if (logLoss - referenceLogLoss <= policy.logLossIncrease) return null;
  return [
    'metric-degraded',
    `log loss ${figure(logLoss)} over ${labelled} outcomes against ${figure(referenceLogLoss)} on the hold-out, allowed is an increase of ${policy.logLossIncrease}`,
  ];
};

const predictionDrift: Check = (_policy, { predictionPsi, predictionPsiLimit, decisions }) => {
  if (predictionPsi === null || decisions < ROWS_MIN || predictionPsi <= predictionPsiLimit) return null;
  return ['prediction-drift', `PSI of the scores ${figure(predictionPsi)}, allowed is ${figure(predictionPsiLimit)}`];
};

const featureDrift: Check = (policy, { driftedFeatures, worstFeature, decisions }) => {
  if (decisions < ROWS_MIN || worstFeature === null || driftedFeatures < policy.driftedFeatures) return null;
  return [
    'feature-drift',
    `${driftedFeatures} features have a PSI over ${policy.featurePsi} and over that of every window of the training, most of all ${worstFeature.name} with ${figure(worstFeature.psi)} against ${figure(worstFeature.limit)}`,
  ];
};

const newLabels: Check = (policy, _window, { labelsSince }) => {
  if (policy.newLabels === null || labelsSince < policy.newLabels) return null;
  return ['new-labels', `${labelsSince} labels became known since the last training, wanted are ${policy.newLabels}`];
};

/** Three significant digits. */
const figure = (value: number): string => String(Number(value.toPrecision(3)));
