import type { ArmVariant, Experiment } from './experiment.ts';

/** What serves a model now. The registry holds it; serving follows it within a second. */
export interface Allocation {
  readonly model: string;
  /** Grows by one with every change: the compare-and-set token. */
  readonly revision: number;
  readonly champion: number | null;
  readonly canary: { readonly version: number; /** 0..1 of the traffic. */ readonly share: number } | null;
  readonly shadow: number | null;
  /** Never beside a canary. Null or absent: none; allocations of before there were experiments lack it. */
  readonly experiment?: Experiment | null;
}

export type Variant = 'champion' | 'canary' | 'shadow' | ArmVariant;
