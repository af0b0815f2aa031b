import type { FeatureView } from '../define/feature-view.ts';
import { AUDIT_MISMATCHES_MAX, type AuditMismatch } from '../contracts/audit.ts';
import type { ServiceProgram } from '../fold/compile-service.ts';
import { entityKeyOf } from '../define/entity.ts';
import { READ_GRACE_MS } from '../fold/plan-resolution.ts';
import type { ServedDecision } from './skew-audit-decisions.ts';
import type { RecomputedRows } from './skew-audit-rows.ts';

export interface RowComparison {
  readonly values: number;
  readonly mismatched: number;
  readonly stale: number;
  readonly staleAhead: number;
  readonly staleDecisions: number;
  readonly mismatchedFeatures: Readonly<Record<string, number>>;
  readonly staleFeatures: Readonly<Record<string, number>>;
  /** The first ones, their events not looked up yet. */
  readonly mismatches: readonly AuditMismatch[];
}

/**
 * Holds served rows against their recomputation, bit for bit. A value that is right up to the fences, but not what
 * was known at the decision time, is stale: events were late, or not folded yet, or folded early.
 */
export function compareRows(
  program: ServiceProgram,
  decisions: readonly ServedDecision[],
  upToFences: RecomputedRows,
  asKnown: RecomputedRows,
): RowComparison {
  const names = [...program.numericNames, ...program.categoryNames];
  const width = program.numericNames.length;
  const categories = program.categoryNames.length;
  const valueOf = (rows: RecomputedRows, i: number, v: number): number | string | null =>
    v < width ? (rows.numbers[i * width + v] as number) : (rows.categories[i * categories + v - width] ?? null);
  const mismatches: AuditMismatch[] = [];
  const mismatchedFeatures: Record<string, number> = {};
  const staleFeatures: Record<string, number> = {};
  let staleDecisions = 0;
  let staleAhead = 0;
  decisions.forEach((decision, i) => {
    let isStale = false;
    names.forEach((name, v) => {
      const served = v < width ? (decision.numbers[v] as number) : (decision.categories[v - width] ?? null);
      const recomputed = valueOf(upToFences, i, v);
      if (!Object.is(served, recomputed)) {
        mismatchedFeatures[name] = (mismatchedFeatures[name] ?? 0) + 1;
        if (mismatches.length < AUDIT_MISMATCHES_MAX)
          mismatches.push(mismatchOf(program, decision, v, name, served, recomputed));
      } else if (!Object.is(served, valueOf(asKnown, i, v))) {
        staleFeatures[name] = (staleFeatures[name] ?? 0) + 1;
        if (isAhead(program, decision, v)) staleAhead += 1;
        isStale = true;
      }
    });
    if (isStale) staleDecisions += 1;
  });
  return {
    values: decisions.length * names.length,
    mismatched: sum(mismatchedFeatures),
    stale: sum(staleFeatures),
    staleAhead,
    staleDecisions,
    mismatchedFeatures,
    staleFeatures,
    mismatches,
  };
}

/** Whether the state that the value came from, or one of all for an on-demand feature, had seen what became known later. */
function isAhead(program: ServiceProgram, { reads, asOf }: ServedDecision, value: number): boolean {
  const place = program.viewNumbers[value];
  const view = place === undefined ? undefined : program.views[place.view]?.name;
  return reads.some((read) => (view === undefined || read.view === view) && (read.newestKnownTime ?? asOf) > asOf);
}

function mismatchOf(
  program: ServiceProgram,
  decision: ServedDecision,
  value: number,
  feature: string,
  served: number | string | null,
  recomputed: number | string | null,
): AuditMismatch {
  const place = program.viewNumbers[value];
  const view = place === undefined ? undefined : program.views[place.view]?.view;
  const read = decision.reads.find((candidate) => candidate.view === view?.name);
  const newest = read?.newestKnownTime ?? null;
  const name = place === undefined ? undefined : program.views[place.view]?.featureNames[place.feature];
  return {
    decision: decision.id,
    version: decision.version,
    asOf: decision.asOf,
    feature,
    view: view?.name ?? null,
    entityKey: view === undefined ? null : entityKeyOf(view.entity.keys, decision.instance),
    window: windowOf(view, name),
    served: shown(served),
    recomputed: shown(recomputed),
    beyondGrace: newest !== null && decision.asOf < newest - READ_GRACE_MS,
    events: null,
  };
}

const windowOf = (view: FeatureView | undefined, name: string | undefined): string | null => {
  const feature = view === undefined || name === undefined ? undefined : view.features[name];
  return feature === undefined || 'parts' in feature ? null : feature.window;
};

/** JSON has no NaN. */
const shown = (value: number | string | null): number | string | null =>
  typeof value === 'number' && Number.isNaN(value) ? null : value;

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);
