import { READ_GRACE_MS } from './plan-resolution.ts';
import type { ViewProgram } from './view-program.ts';

/**
 * How long after its last write a state may matter to a read, in wall-clock ms; an online store drops it then.
 * Null for a view with a lifetime aggregation, and where it can't be told: a source with `knownTime: 'carried'` may be replaying a year that is long
 * past, or stand still for a week in the middle of it, and its states are as good afterwards as before.
 *
 * Why dropping loses nothing. Let L be the life: the longest window and hop, the view's `maxAge` or `ttl` where
 * that is longer, and the grace. With known times of the broker, every event in a state happened, and became
 * known, before the state was written. So L after its last write every event lies before the tail of every
 * window of every read as of now minus the grace or later; and the state is older than any `maxAge`, so that it is
 * stale, as a state that is not there is. Such a read gives one answer with the state and without it.
 *
 * The fence goes with the state, and a redelivery may then be applied again: by a state that holds none of what it
 * held before. Nothing counts twice, because nothing is left to count beside it; and what the event brings back is out
 * of every window, as above. What keeps whole frames from being folded again, the partition's position, is
 * never dropped.
 */
export function stateLifeMs(program: ViewProgram): number | null {
  if (program.view.source.knownTime !== 'broker') return null;
  const longestHopMs = program.resolutions.at(-1)?.hopMs ?? 0;
  // A lifetime has one tile without end.
  if (longestHopMs === Infinity) return null;
  const ages =
    program.freshness === null
      ? []
      : [program.freshness.maxAgeMs, program.freshness.ttlMs].filter(Number.isFinite);
  return Math.max(program.longestWindowMs + longestHopMs, ...ages) + READ_GRACE_MS;
}
