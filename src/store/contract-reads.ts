import { formatDuration } from '../core/duration.ts';
import { MillraceError } from '../core/millrace-error.ts';
import type { Row } from '../define/field.ts';
import { requestKeyOf } from '../fold/compile-service.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import { readFresh } from '../fold/fresh-read.ts';
import { readFeatures, type ViewState } from '../fold/view-state.ts';

/** Told of each view whose contract bounds the age of a state: how many rows read it, and how many of those found it stale. */
export type OnContractReads = (view: ViewProgram, rows: number, stale: number) => void;

const ROWS_SHOWN_MAX = 20;

/**
 * Reads one view for one row, under its contract. Without a key no state is asked for, so none is stale.
 * @returns whether the read is stale
 */
export function readView(
  view: ViewProgram,
  row: Row,
  state: ViewState | null,
  asOf: number,
  out: Float64Array,
): boolean {
  if (state !== null || view.freshness === null || requestKeyOf(view, row) !== null)
    return readFresh(view, state, asOf, out, 0);
  readFeatures(view, null, asOf, out, 0);
  return false;
}

/**
 * Counts what was read under a contract, and refuses the request where a view does.
 * @param reads per view the indexes of its stale rows
 * @param rows how many there are, and what the request calls them
 * @throws MillraceError FEATURE_STALE naming every view that refuses such reads, and its rows
 */
export function settleContracts(
  reads: readonly { readonly view: ViewProgram; readonly stale: readonly number[] }[],
  rows: { readonly what: string; readonly count: number },
  onContractReads?: OnContractReads,
): void {
  const broken: string[] = [];
  for (const { view, stale } of reads) {
    if (view.freshness === null || view.freshness.maxAgeMs === Infinity) continue;
    onContractReads?.(view, rows.count, stale.length);
    if (stale.length === 0 || view.freshness.onStale !== 'refuse') continue;
    const more = stale.length > ROWS_SHOWN_MAX ? ` and ${stale.length - ROWS_SHOWN_MAX} more` : '';
    const age = formatDuration(view.freshness.maxAgeMs);
    broken.push(
      `view '${view.name}' has no state of at most '${age}' for ${rows.what} ${stale.slice(0, ROWS_SHOWN_MAX).join(', ')}${more}`,
    );
  }
  if (broken.length === 0) return;
  throw new MillraceError(
    'FEATURE_STALE',
    `Features are too old: ${broken.join('; ')}. Check that events arrive ('millrace status'), or change maxAge or onStale of the view.`,
  );
}
