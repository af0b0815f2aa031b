import type { MonitoredWindow } from '../contracts/monitor.ts';

/** What is stored of a closed window. */
export interface WindowReport extends MonitoredWindow {
  /** The version that answered most decisions of the window. */
  readonly version: number;
  readonly brier: number | null;
  readonly meanScore: number | null;
  readonly baseRate: number | null;
  /** PSI of every feature, those that are ignored for triggers included. */
  readonly featurePsi: Readonly<Record<string, number>>;
}
