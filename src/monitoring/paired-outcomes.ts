import type { PairedOutcomes } from '../contracts/lifecycle.ts';
import type { Queryable } from '../infra/postgres.ts';
import { COMPARED_ANSWERS_MAX, type ComparedPair } from './compare-shadow.ts';
import { joinLabelSql, lossSql } from './label-sql.ts';
import type { LabelColumns } from './monitored-model.ts';

/**
 * Outcomes, as far as they are known by now, of decisions that a champion answered and a shadow scored too: their differences are of the same rows, so
 * that chance has far less part in them than in those of two groups. Null where there is none.
 * @param pair of the newest answers of the shadow since it began, 25,000 are looked at
 */
export async function measurePairs(db: Queryable, label: LabelColumns, { model, champion, candidate, since }: ComparedPair): Promise<PairedOutcomes | null> {
  const [row] = await db.query<PairedOutcomes>(pairedSql(label), [model, since, candidate, champion, COMPARED_ANSWERS_MAX]);
  return row === undefined || row.outcomes === 0 ? null : row;
}

const pairedSql = (label: LabelColumns): string =>
  `WITH pairs AS (
     SELECT example_id, score, shadow_score
     FROM millrace.decisions
     WHERE model = $1 AND seq > $2 AND shadow_version = $3 AND version = $4 AND shadow_score IS NOT NULL
     ORDER BY seq DESC LIMIT $5
   ),
   losses AS (
     SELECT ${lossSql('d.shadow_score')} AS candidate, ${lossSql('d.score')} AS champion
     FROM pairs d ${joinLabelSql(label)}
   )
   SELECT count(candidate)::int AS outcomes, avg(candidate) AS "candidateLogLoss", avg(champion) AS "championLogLoss",
     stddev_samp(candidate - champion) / sqrt(nullif(count(candidate), 0)) AS "logLossStandardError"
   FROM losses`;
