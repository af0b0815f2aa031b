import type { RetrainRequest } from './lifecycle.ts';

export interface MonitorInput {
  readonly namespace: string;
  readonly model: string;
}

export interface MonitorResult {
  /** Event-time windows closed by this run. */
  readonly windows: readonly MonitoredWindow[];
  readonly triggered: RetrainRequest | null;
}

export interface MonitoredWindow {
  readonly from: number;
  readonly to: number;
  readonly decisions: number;
  readonly labelled: number;
  readonly auc: number | null;
  readonly logLoss: number | null;
  readonly calibrationError: number | null;
  readonly predictionPsi: number | null;
  /** PSI of the scores from which on they have drifted. */
  readonly predictionPsiLimit: number;
  /** The feature furthest beyond its limit, and how many lie over theirs. */
  readonly worstFeature: { readonly name: string; readonly psi: number; readonly limit: number } | null;
  readonly driftedFeatures: number;
}
