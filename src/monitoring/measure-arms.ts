import { armVariant, type Experiment } from '../contracts/experiment.ts';
import type { Queryable } from '../infra/postgres.ts';
import type { RatioMoments } from '../statistics/ratio-difference.ts';
import { joinLabelSql, lossSql } from './label-sql.ts';
import type { LabelColumns } from './monitored-model.ts';

/** What arms are compared by, besides the experiment's own metric; each is a mean over decisions. */
export const armMetrics = ['log-loss', 'brier', 'outcome-rate', 'score', 'latency-ms'] as const;
export type ArmMetric = (typeof armMetrics)[number];

export interface MeasuredArm {
  readonly decisions: number;
  readonly entities: number;
  readonly outcomes: number;
  readonly latencyP95Ms: number | null;
  /** Over the entities that have the metric. */
  readonly moments: Readonly<Record<ArmMetric, RatioMoments>>;
}

export interface MeasuredArms {
  /** By name; arms without a decision are not there. */
  readonly arms: ReadonlyMap<string, MeasuredArm>;
  readonly entitiesInSeveralArms: number;
}

interface ArmsRequest {
  readonly model: string;
  readonly experiment: Experiment;
  /** Decisions answered from here on, ms since the epoch. */
  readonly from: number;
  /** And before; null: up to now. */
  readonly to: number | null;
}

/** By metric: what one decision has of it. */
const valueSql: Readonly<Record<ArmMetric, string>> = {
  'log-loss': lossSql('score'),
  brier: '(score - label::int) ^ 2',
  'outcome-rate': 'label::int::float8',
  score: 'score',
  'latency-ms': 'latency_ms',
};
const needsOutcome = (metric: ArmMetric): boolean => metric !== 'score' && metric !== 'latency-ms';
/** Decisions of an entity that have the metric. */
const countOf = (metric: ArmMetric): string => (needsOutcome(metric) ? 'outcomes' : 'decisions');
/** A decision without an outcome has null of what needs one, and sums leave nulls out. */
const sumSql = (metric: ArmMetric): string => `coalesce(sum(${valueSql[metric]}), 0)`;

/** Measures the arms by entity: Postgres sums up each entity's decisions, then takes moments over entities. */
export async function measureArms(db: Queryable, label: LabelColumns, { model, experiment, from, to }: ArmsRequest): Promise<MeasuredArms> {
  const byVariant = new Map(experiment.arms.map(({ name }) => [armVariant(experiment.name, name) as string, name]));
  const rows = await db.query<ArmRow>(armsSql(label), [model, [...byVariant.keys()], new Date(from), to === null ? null : new Date(to)]);
  const arms = new Map<string, MeasuredArm>();
  for (const { variant, ...row } of rows) {
    const name = variant === null ? undefined : byVariant.get(variant);
    if (name !== undefined) arms.set(name, row);
  }
  return { arms, entitiesInSeveralArms: rows.find(({ variant }) => variant === null)?.entities ?? 0 };
}

interface ArmRow extends MeasuredArm {
  /** Null: the entities that several arms answered. */
  readonly variant: string | null;
}

const momentsSql = (metric: ArmMetric, at: number): string => {
  const count = countOf(metric);
  const having = `FILTER (WHERE ${count} > 0)`;
  return `'${metric}', jsonb_build_object(
       'entities', count(*) ${having},
       'meanCount', coalesce(avg(${count}) ${having}, 0),
       'meanSum', coalesce(avg(sum_${at}) ${having}, 0),
       'varianceCount', coalesce(var_samp(${count}) ${having}, 0),
       'varianceSum', coalesce(var_samp(sum_${at}) ${having}, 0),
       'covariance', coalesce(covar_samp(sum_${at}, ${count}) ${having}, 0))`;
};

/** The partial index of arms' decisions is found by the condition on the slash. */
const armsSql = (label: LabelColumns): string =>
  `WITH answered AS (
     SELECT d.variant, coalesce(d.body->>'unit', d.id) AS unit, d.score, (d.body->'latencyMs'->>'total')::float8 AS latency_ms, l.label
     FROM millrace.decisions d
     ${joinLabelSql(label)}
     WHERE d.model = $1 AND d.variant LIKE '%/%' AND d.variant = ANY($2::text[])
       AND d.served_at >= $3 AND ($4::timestamptz IS NULL OR d.served_at < $4)
   ), by_unit AS (
     SELECT unit, CASE WHEN min(variant) = max(variant) THEN min(variant) END AS variant,
       count(*)::float8 AS decisions, count(label)::float8 AS outcomes,
       ${armMetrics.map((metric, at) => `${sumSql(metric)} AS sum_${at}`).join(',\n       ')}
     FROM answered GROUP BY unit
   ), latencies AS (
     SELECT u.variant, percentile_cont(0.95) WITHIN GROUP (ORDER BY a.latency_ms) AS p95
     FROM answered a JOIN by_unit u USING (unit) GROUP BY u.variant
   )
   SELECT u.variant, sum(u.decisions) AS decisions, count(*)::float8 AS entities, sum(u.outcomes) AS outcomes, max(p.p95) AS "latencyP95Ms",
     jsonb_build_object(${armMetrics.map(momentsSql).join(',\n       ')}) AS moments
   FROM by_unit u LEFT JOIN latencies p ON p.variant = u.variant
   GROUP BY u.variant`;
