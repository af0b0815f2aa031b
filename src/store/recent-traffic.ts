import type { Decision } from '../contracts/decision.ts';
import type { Queryable } from '../infra/postgres.ts';

/** The newest decisions of a model by who answered. */
export interface VariantTraffic {
  readonly variant: Decision['variant'];
  readonly version: number;
  readonly decisions: number;
  readonly meanScore: number;
  /** Milliseconds; null where no decision has its latency. */
  readonly latencyP50Ms: number | null;
  readonly latencyP95Ms: number | null;
  readonly latencyP99Ms: number | null;
  /** Wall clock of the first and the last of them, ms since the epoch. */
  readonly firstAt: number;
  readonly lastAt: number;
}

/** What the newest `decisionsMax` decisions of a model were like, by variant and version. */
export async function readRecentTraffic(
  db: Queryable,
  model: string,
  decisionsMax: number,
): Promise<VariantTraffic[]> {
  return db.query<VariantTraffic>(
    `SELECT variant, version, count(*)::int AS decisions, avg(score) AS "meanScore",
            percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS "latencyP50Ms",
            percentile_cont(0.95) WITHIN GROUP (ORDER BY ms) AS "latencyP95Ms",
            percentile_cont(0.99) WITHIN GROUP (ORDER BY ms) AS "latencyP99Ms",
            (extract(epoch FROM min(served_at)) * 1000)::float8 AS "firstAt",
            (extract(epoch FROM max(served_at)) * 1000)::float8 AS "lastAt"
       FROM (SELECT variant, version, score, served_at, (body->'latencyMs'->>'total')::float8 AS ms
               FROM millrace.decisions WHERE model = $1 ORDER BY seq DESC LIMIT $2) d
      GROUP BY variant, version ORDER BY variant, version`,
    [model, decisionsMax],
  );
}
