import { MillraceError } from '../core/millrace-error.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import { READ_GRACE_MS } from '../fold/plan-resolution.ts';
import type { ViewState } from '../fold/view-state.ts';

const KEYS_SHOWN_MAX = 5;
const KEY_SHOWN_LENGTH_MAX = 60;

/** A view of which states have gone on too far for the moment asked for. */
interface TooFarAhead {
  readonly program: ViewProgram;
  readonly keys: Set<string>;
  /** The earliest moment that all of them can be read as of, ms since the epoch. */
  oldest: number;
}

/**
 * The earliest moment that a state can be read as of, ms since the epoch: its newest known time less the grace. Further
 * back, tiles that a window needs may have been dropped; and a lifetime, whose one tile is never dropped, counts all that
 * became known since. -Infinity for a state without events.
 */
export const oldestReadable = (state: ViewState): number => state.newestKnownTime - READ_GRACE_MS;

/**
 * Refuses a read as of a moment that its states can no longer answer for. A key without a state has none that could have
 * gone on.
 * @param asked in the order of `states`
 * @param asOf ms since the epoch
 * @throws MillraceError FEATURE_AS_OF_TOO_EARLY naming every view, the moment, the oldest one that can be read
 */
export function assertReadable(
  asked: readonly { readonly program: ViewProgram; readonly entityKey: string | null }[],
  states: readonly (ViewState | null)[],
  asOf: number,
): void {
  let found: Map<ViewProgram, TooFarAhead> | undefined;
  for (let i = 0; i < states.length; i++) {
    const state = states[i];
    if (state === null || state === undefined || asOf >= oldestReadable(state)) continue;
    const { program, entityKey } = asked[i]!;
    found ??= new Map();
    let view = found.get(program);
    if (view === undefined) found.set(program, (view = { program, keys: new Set(), oldest: -Infinity }));
    view.keys.add(entityKey ?? '');
    view.oldest = Math.max(view.oldest, oldestReadable(state));
  }
  if (found !== undefined) throw tooEarly([...found.values()], asOf);
}

function tooEarly(views: readonly TooFarAhead[], asOf: number): MillraceError {
  const told = views.map(({ program, keys, oldest }) => {
    const shown = [...keys].slice(0, KEYS_SHOWN_MAX).map((key) => `'${key.slice(0, KEY_SHOWN_LENGTH_MAX)}'`);
    const more = keys.size > shown.length ? ` and ${keys.size - shown.length} more` : '';
    return `view '${program.name}' can be read as of ${momentText(oldest)} or later for ${shown.join(', ')}${more}`;
  });
  return new MillraceError(
    'FEATURE_AS_OF_TOO_EARLY',
    `Online features can not be read as of ${momentText(asOf)}: ${told.join('; ')}. ` +
      "Read that moment from the offline log ('millrace features as-of', or readAsOf), or ask for a later one.",
    { details: { asOf, oldest: Math.max(...views.map(({ oldest }) => oldest)) } },
  );
}

/** ISO 8601, or the number where a date can't hold it. */
const momentText = (ms: number): string => (Math.abs(ms) <= DATE_MAX_MS ? new Date(ms).toISOString() : String(ms));
const DATE_MAX_MS = 8.64e15;
