import { describe, expect, it } from 'vitest';
import { decideTrigger, type TriggerContext } from '../../../src/monitoring/decide-trigger.ts';
import type { TriggerPolicy } from '../../../src/monitoring/monitored-model.ts';
import type { WindowReport } from '../../../src/monitoring/window-report.ts';

const DAY = 86_400_000;
const policy: TriggerPolicy = {
  featurePsi: 0.25,
  driftedFeatures: 3,
  ignoreDrift: [],
  predictionPsi: 0.25,
  logLossIncrease: 0.03,
  newLabels: 10_000,
  coolDownMs: 14 * DAY,
};
const calm: WindowReport = {
  from: 93 * DAY,
  to: 100 * DAY,
  version: 1,
  decisions: 6_000,
  labelled: 5_900,
  auc: 0.77,
  logLoss: 0.45,
  brier: 0.15,
  calibrationError: 0.01,
  meanScore: 0.23,
  baseRate: 0.23,
  predictionPsi: 0.02,
  predictionPsiLimit: 0.25,
  worstFeature: { name: 'delay', psi: 0.9, limit: 0.3 },
  driftedFeatures: 2,
  featurePsi: { delay: 0.9 },
};
const context: TriggerContext = {
  lastCut: 80 * DAY,
  referenceLogLoss: 0.44,
  labelsSince: 9_999,
  dataCut: 101 * DAY,
  requestedBy: 'monitor',
};
const decide = (window: Partial<WindowReport>, at: Partial<TriggerContext> = {}) =>
  decideTrigger(policy, { ...calm, ...window }, { ...context, ...at });

describe('the decision on a trigger', () => {
  it('is none for a calm window', () => {
    expect(decide({})).toBeNull();
  });

  it('names each reason with its figures and the window', () => {
    expect(decide({ driftedFeatures: 3 })).toEqual({
      trigger: 'feature-drift',
      reason:
        '3 features have a PSI over 0.25 and over that of every window of the training, most of all delay with 0.9 against 0.3 (window 1970-04-04T00:00:00.000Z to 1970-04-11T00:00:00.000Z)',
      requestedBy: 'monitor',
      dataCut: 101 * DAY,
    });
    expect(decide({ predictionPsi: 0.3 })?.trigger).toBe('prediction-drift');
    expect(decide({ predictionPsi: 0.3, predictionPsiLimit: 0.35 })).toBeNull();
    expect(decide({ logLoss: 0.48 })?.trigger).toBe('metric-degraded');
    expect(decide({}, { labelsSince: 10_000 })?.trigger).toBe('new-labels');
  });

  it('names the gravest reason where there are several', () => {
    expect(decide({ logLoss: 0.48, predictionPsi: 0.3, driftedFeatures: 9 }, { labelsSince: 1e6 })?.trigger).toBe('metric-degraded');
  });

  it('waits for the cool-down in event time, whatever the window says', () => {
    expect(decide({ logLoss: 9 }, { lastCut: 87 * DAY })).toBeNull();
    expect(decide({ logLoss: 9 }, { lastCut: 86 * DAY })?.trigger).toBe('metric-degraded');
  });

  it('makes nothing of a handful of rows', () => {
    expect(decide({ decisions: 199, labelled: 199, logLoss: 9, predictionPsi: 9, driftedFeatures: 9 })).toBeNull();
  });

  it('never fires for new labels where the policy does not ask for it', () => {
    expect(decideTrigger({ ...policy, newLabels: null }, calm, { ...context, labelsSince: 1e9 })).toBeNull();
  });
});
