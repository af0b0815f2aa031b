import type { RolloutEvidence, RolloutStage } from '../contracts/lifecycle.ts';
import type { Queryable } from '../infra/postgres.ts';
import { joinLabelSql, lossSql } from './label-sql.ts';
import type { LabelColumns } from './monitored-model.ts';

export interface EvidenceRequest {
  readonly model: string;
  readonly candidate: number;
  readonly champion: number;
  readonly stage: RolloutStage;
  /** Decisions with a greater sequence number count. */
  readonly since: number;
}

type Measured = Omit<RolloutEvidence, 'candidateErrors'>;

/** Newest sequence number of the decision log. */
export async function newestDecision(db: Queryable): Promise<number> {
  const [row] = await db.query<{ seq: number }>('SELECT coalesce(max(seq), 0)::float8 AS seq FROM millrace.decisions');
  return row?.seq ?? 0;
}

/** Measures one step from the decision log and the labels that are known. */
export async function measureStep(db: Queryable, label: LabelColumns, request: EvidenceRequest): Promise<Measured> {
  const text = request.stage.kind === 'shadow' ? shadowSql(label) : canarySql(label);
  const [row] = await db.query<Measured>(text, [request.model, request.since, request.candidate, request.champion]);
  return row as Measured;
}

/**
 * Of the seconds of a step, so large a share with the slowest answer of either version does not count for latencies: a pause of the machine, or
 * of the network, hits whoever is asked just then, and few answers of a canary are enough to look like its fault.
 */
const PAUSED_SHARE = 0.25;
/** Seconds with answers from which on latencies are compared; of fewer, the share is less than one. */
const COMPARED_SECONDS_MIN = Math.ceil(1 / PAUSED_SHARE);

const answeredSql = (label: LabelColumns): string =>
  `SELECT d.version, d.variant, d.score, d.shadow_version, d.shadow_score, date_trunc('second', d.served_at) AS second,
     (d.body->'latencyMs'->>'total')::float8 AS latency_ms, l.label
   FROM millrace.decisions d
   ${joinLabelSql(label)}
   WHERE d.model = $1 AND d.seq > $2`;

/** Both score the same decisions, so the differences are paired. */
const shadowSql = (label: LabelColumns): string =>
  `WITH answered AS (${answeredSql(label)}),
   paired AS (
     SELECT *, ${lossSql('shadow_score')} AS candidate_loss, ${lossSql('score')} AS champion_loss
     FROM answered WHERE shadow_version = $3 AND shadow_score IS NOT NULL AND version = $4
   )
   SELECT (SELECT count(*) FROM answered)::int AS decisions,
     count(*)::int AS "shadowAnswers",
     0 AS "candidateDecisions",
     count(candidate_loss)::int AS "candidateOutcomes",
     count(*)::int AS "championDecisions",
     count(candidate_loss)::int AS "championOutcomes",
     stddev_samp(shadow_score - score) / sqrt(nullif(count(*), 0)) AS "meanScoreStandardError",
     NULL::float8 AS "candidateLatencyP95Ms",
     NULL::float8 AS "championLatencyP95Ms",
     avg(shadow_score - score) AS "meanScoreDifference",
     avg(candidate_loss) AS "candidateLogLoss",
     avg(champion_loss) AS "championLogLoss",
     stddev_samp(candidate_loss - champion_loss) / sqrt(nullif(count(candidate_loss), 0)) AS "logLossStandardError"
   FROM paired`;

/** Two groups of decisions, split by entity key: the differences are of means. */
const canarySql = (label: LabelColumns): string =>
  `WITH answered AS (${answeredSql(label)}),
   grouped AS (
     SELECT *, variant = 'canary' AND version = $3 AS candidate, variant = 'champion' AND version = $4 AS champion,
       ${lossSql('score')} AS loss
     FROM answered
   ),
   seconds AS (
     SELECT second, row_number() OVER (ORDER BY max(latency_ms) DESC, second) AS slowest, count(*) OVER () AS seconds
     FROM grouped WHERE candidate OR champion GROUP BY second
   ),
   compared AS (
     SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_ms) FILTER (WHERE candidate) AS candidate,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_ms) FILTER (WHERE champion) AS champion
     FROM grouped JOIN seconds USING (second)
     WHERE seconds >= ${COMPARED_SECONDS_MIN} AND slowest > floor(seconds * ${PAUSED_SHARE})
   )
   SELECT count(*)::int AS decisions,
     0 AS "shadowAnswers",
     count(*) FILTER (WHERE candidate)::int AS "candidateDecisions",
     count(loss) FILTER (WHERE candidate)::int AS "candidateOutcomes",
     count(*) FILTER (WHERE champion)::int AS "championDecisions",
     count(loss) FILTER (WHERE champion)::int AS "championOutcomes",
     sqrt(var_samp(score) FILTER (WHERE candidate) / nullif(count(*) FILTER (WHERE candidate), 0)
       + var_samp(score) FILTER (WHERE champion) / nullif(count(*) FILTER (WHERE champion), 0)) AS "meanScoreStandardError",
     (SELECT candidate FROM compared) AS "candidateLatencyP95Ms",
     (SELECT champion FROM compared) AS "championLatencyP95Ms",
     avg(score) FILTER (WHERE candidate) - avg(score) FILTER (WHERE champion) AS "meanScoreDifference",
     avg(loss) FILTER (WHERE candidate) AS "candidateLogLoss",
     avg(loss) FILTER (WHERE champion) AS "championLogLoss",
     sqrt(var_samp(loss) FILTER (WHERE candidate) / nullif(count(loss) FILTER (WHERE candidate), 0)
       + var_samp(loss) FILTER (WHERE champion) / nullif(count(loss) FILTER (WHERE champion), 0)) AS "logLossStandardError"
   FROM grouped`;
