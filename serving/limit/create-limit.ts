import type { ServingSettings } from '../settings.ts';
import { GradientLimit } from './gradient-limit.ts';

/** Requests of a model that may be under way before anything is measured. */
const CONCURRENCY_INITIAL = 100;

/** The limit of one model; null where there is to be none. */
export function createLimit({ concurrency, concurrencyMin: min, concurrencyMax: max }: ServingSettings): GradientLimit | null {
  return concurrency === 'off' ? null : new GradientLimit({ initial: CONCURRENCY_INITIAL, min, max });
}
