import type { Row } from '../define/field.ts';
import { assembleRow, type ServiceProgram } from '../fold/compile-service.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import type { Postgres, Queryable } from '../infra/postgres.ts';
import { ONE_STATE, withColdRows, type ColdRequest } from '../store/cold-log/with-cold-rows.ts';
import type { TwinRow } from '../store/sql/view-twin.ts';
import type { Visibility } from '../store/sql/visible-events.ts';
import { applyContract } from './skew-audit-contract.ts';
import type { ServedDecision } from './skew-audit-decisions.ts';
import { witnessRows } from './skew-audit-witness.ts';

/** Rows that models would have been given: row-major, NaN is null. */
export interface RecomputedRows {
  readonly numbers: Float32Array;
  readonly categories: readonly (string | null)[];
}

/** Connections that recompute views side by side: Postgres runs each on a processor of its own. */
const AUDIT_CONNECTIONS = 2;
/**
 * The events of a batch fit into memory; compiling its queries to machine code would cost more than it saves; and no
 * statistics tell how many tiles a batch has, so a loop over all of them for each row must not be tried.
 */
const BATCH_SETTINGS = "SET LOCAL work_mem = '64MB'; SET LOCAL jit = off; SET LOCAL enable_nestloop = off";

/** Up to exactly the fences that were read, and what was known at the decision time. */
const visibilities: readonly Visibility[] = ['fence', 'known'];

/**
 * Recomputes the rows of decisions from the raw rows of the logs, view by view, then on-demand and request features
 * from those values: up to the fences, and as known.
 */
export async function recomputeRows(
  db: Postgres,
  program: ServiceProgram,
  decisions: readonly ServedDecision[],
): Promise<[upToFences: RecomputedRows, asKnown: RecomputedRows]> {
  const valuesOf = new Map<ViewProgram, Float64Array[]>();
  const waiting = [...program.views];
  await Promise.all(
    Array.from({ length: AUDIT_CONNECTIONS }, async () => {
      for (let view = waiting.shift(); view !== undefined; view = waiting.shift()) {
        const own = view;
        valuesOf.set(own, await db.transaction((tx) => recomputeView(db, tx, own, decisions)));
      }
    }),
  );
  const rowsBy = (v: number): RecomputedRows =>
    assemble(program, decisions, program.views.map((view) => valuesOf.get(view)?.[v] as Float64Array));
  return [rowsBy(0), rowsBy(1)];
}

async function recomputeView(
  db: Postgres,
  tx: Queryable,
  view: ViewProgram,
  decisions: readonly ServedDecision[],
): Promise<Float64Array[]> {
  await tx.query(ONE_STATE);
  await tx.query(BATCH_SETTINGS);
  const rows = decisions.map((decision) => twinRow(view, decision));
  const warm = await withColdRows(db, tx, [{ view, rows }]);
  const values = await witnessRows(warm, view.view, rows, visibilities);
  for (const [v, visibility] of visibilities.entries())
    await applyContract(warm, view, rows, visibility, values[v] as Float64Array);
  return values;
}

function assemble(
  program: ServiceProgram,
  decisions: readonly ServedDecision[],
  values: readonly Float64Array[],
): RecomputedRows {
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
