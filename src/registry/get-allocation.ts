import type { Allocation } from '../contracts/allocation.ts';
import type { Experiment } from '../contracts/experiment.ts';
import type { Queryable } from '../infra/postgres.ts';

interface AllocationRow {
  readonly model: string;
  readonly revision: number;
  readonly champion: number | null;
  readonly canary_version: number | null;
  readonly canary_share: number | null;
  readonly shadow: number | null;
  readonly experiment: Experiment | null;
}

/** What serves the model now; null before the first allocation. */
export async function getAllocation(db: Queryable, model: string): Promise<Allocation | null> {
  return (await getAllocations(db, [model])).get(model) ?? null;
}

/** By model what serves it now, of one state; those without an allocation are not there. */
export async function getAllocations(db: Queryable, models: readonly string[]): Promise<ReadonlyMap<string, Allocation>> {
  const rows = await db.query<AllocationRow>(
    `SELECT model, revision, champion, canary_version, canary_share, shadow, experiment
     FROM millrace.allocations WHERE model = ANY ($1::text[])`,
    [models],
  );
  return new Map(rows.map((row) => [row.model, toAllocation(row)]));
}

function toAllocation(row: AllocationRow): Allocation {
  const { canary_version: version, canary_share: share, experiment, ...rest } = row;
  const canary = version === null || share === null ? null : { version, share };
  return { ...rest, canary, ...(experiment === null ? {} : { experiment }) };
}
