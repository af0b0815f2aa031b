import type { ViewProgram } from './view-program.ts';
import { readFeatures, type ViewState } from './view-state.ts';

/**
 * Age of a state as of a moment, ms: the moment minus the newest known time of the state's events; 0 where
 * the state has run ahead of the moment. Null where there is nothing to have an age: no state, no event,
 * or a state older than the view's ttl, which reads as none.
 */
export function ageOf(program: ViewProgram, state: ViewState | null, asOf: number): number | null {
  if (state === null || state.newestKnownTime === -Infinity) return null;
  const ageMs = Math.max(0, asOf - state.newestKnownTime);
  return program.freshness !== null && ageMs > program.freshness.ttlMs ? null : ageMs;
}

/**
 * Whether a state of that age breaks the view's contract. Without events there is no bound on the age: it
 * is stale, so that a state which has expired answers as the old one did.
 */
export function isStale(program: ViewProgram, ageMs: number | null): boolean {
  if (program.freshness === null || program.freshness.maxAgeMs === Infinity) return false;
  return ageMs === null || ageMs > program.freshness.maxAgeMs;
}

/**
 * The features of one key as every path gives them: `readFeatures`, under the view's contract on ages. A
 * state older than the ttl reads as one without events; a stale one as the view's `onStale` says, where
 * `refuse` is the caller's to carry out.
 * @param state null for a key without events; for a row without a key use `readFeatures`: it asks for no
 *   state, so none can be stale
 * @returns whether the read is stale
 */
export function readFresh(
  program: ViewProgram,
  state: ViewState | null,
  asOf: number,
  out: Float64Array,
  at: number,
): boolean {
  const { freshness } = program;
  if (freshness === null) {
    readFeatures(program, state, asOf, out, at);
    return false;
  }
  const ageMs = ageOf(program, state, asOf);
  const stale = isStale(program, ageMs);
  if (stale && freshness.onStale === 'null') out.fill(NaN, at, at + program.featureNames.length);
  else readFeatures(program, ageMs === null ? null : state, asOf, out, at);
  return stale;
}
