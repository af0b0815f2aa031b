import type { Row } from '../define/field.ts';
import { assembleRow, type ServiceProgram } from '../fold/compile-service.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import type { Queryable } from '../infra/postgres.ts';
import type { ColdRequest } from '../store/cold-log/with-cold-rows.ts';
import type { Visibility } from '../store/sql/visible-events.ts';
import { readTwin, type TwinRow } from '../store/sql/view-twin.ts';
import { applyContract } from './skew-audit-contract.ts';
import type { ServedDecision } from './skew-audit-decisions.ts';

/** Rows that models would have been given: row-major, NaN is null. */
export interface RecomputedRows {
  readonly numbers: Float32Array;
  readonly categories: readonly (string | null)[];
}

/**
 * Recomputes the rows of decisions by SQL, view by view in one query each, then on-demand and request features
 * from those values.
 * @param visibility `fence`: up to exactly the fences that were read; `known`: what was known at the decision time
 */
export async function recomputeRows(
  db: Queryable,
  program: ServiceProgram,
  decisions: readonly ServedDecision[],
  visibility: Visibility,
): Promise<RecomputedRows> {
  const values: Float64Array[] = [];
  for (const view of program.views) {
    const rows = decisions.map((decision) => twinRow(view, decision));
    const features = await readTwin(db, view.view, rows, visibility);
    await applyContract(db, view, rows, visibility, features);
    values.push(features);
  }
  const width = program.numericNames.length;
  const numbers = new Float32Array(decisions.length * width);
  const categories = new Array<string | null>(decisions.length * program.categoryNames.length).fill(null);
  decisions.forEach(({ instance, asOf }, i) => {
    const own = program.views.map((view, v) => {
      const features = view.featureNames.length;
      return (values[v] as Float64Array).subarray(i * features, (i + 1) * features);
    });
    assembleRow(program, own, instance, asOf, numbers, i * width, categories, i * program.categoryNames.length);
  });
  return { numbers, categories };
}

/** What a recomputation of these decisions asks of the logs. */
export const coldRequests = (program: ServiceProgram, decisions: readonly ServedDecision[]): ColdRequest[] =>
  program.views.map((view) => ({ view, rows: decisions.map((decision) => twinRow(view, decision)) }));

/** The key comes from the request, not from what serving says that it read. */
function twinRow({ view }: ViewProgram, decision: ServedDecision): TwinRow {
  const read = decision.reads.find((candidate) => candidate.view === view.name);
  return { key: keyParts(view.entity.keys, decision.instance), asOf: decision.asOf, fence: read?.fence ?? {} };
}

export const keyParts = (keys: readonly string[], instance: Row): (string | null)[] =>
  keys.map((key) => {
    const part = instance[key];
    return typeof part === 'string' ? part : null;
  });
