import type { ComparedAnswers, ComparedSegment, ShadowBounds, ShadowComparison } from '../contracts/shadow-comparison.ts';
import type { Queryable } from '../infra/postgres.ts';
import { getVersion } from '../registry/get-version.ts';

/** Newest answers that are compared: a look must end within the seconds after which its activity counts as dead. */
export const COMPARED_ANSWERS_MAX = 25_000;
/** Longer values are cut, and those that begin alike are then one. */
const VALUE_CHARACTERS_MAX = 80;

export interface ComparedPair {
  readonly model: string;
  readonly champion: number;
  readonly candidate: number;
  /** Decisions with a greater sequence number count. */
  readonly since: number;
}

/**
 * Compares both answers to each decision of a champion that a shadow scored too; no label is needed.
 * @throws MillraceError MODEL_VERSION_NOT_FOUND
 */
export async function compareShadow(
  db: Queryable,
  { model, champion, candidate, since }: ComparedPair,
  { segments, segmentValuesMax, segmentAnswersMin }: Pick<ShadowBounds, 'segments' | 'segmentValuesMax' | 'segmentAnswersMin'>,
): Promise<ShadowComparison> {
  // Each version answers by its own threshold.
  const served = await getVersion(db, model, champion);
  const shadow = await getVersion(db, model, candidate);
  const thresholds = [served.signature.threshold, shadow.signature.threshold];
  const pairs = [model, since, candidate, champion, ...thresholds, COMPARED_ANSWERS_MAX];
  const [overall] = await db.query<ComparedAnswers & { readonly ks: number | null }>(overallSql, pairs);
  const { ks, ...answers } = overall as ComparedAnswers & { readonly ks: number | null };
  const found = segments.length === 0 ? [] : await db.query<ComparedSegment>(segmentsSql, [...pairs, segments, segmentValuesMax]);
  return {
    overall: answers,
    ks,
    segments: found,
    judgedSegments: found.filter((segment) => segment.answers >= segmentAnswersMin).length,
  };
}

const pairsSql = `pairs AS (
     SELECT score AS served, shadow_score AS shadowed, score >= $5 AS before, shadow_score >= $6 AS after,
       abs(shadow_score - score) AS distance, body->'instance' AS instance
     FROM millrace.decisions
     WHERE model = $1 AND seq > $2 AND shadow_version = $3 AND version = $4 AND shadow_score IS NOT NULL
     ORDER BY seq DESC LIMIT $7
   )`;

const figuresSql = `count(*)::int AS answers,
     count(*) FILTER (WHERE NOT before AND after)::int AS "toPositive",
     count(*) FILTER (WHERE before AND NOT after)::int AS "toNegative",
     avg(distance) AS "meanDistance",
     stddev_samp(distance) AS "distanceDeviation",
     percentile_cont(0.95) WITHIN GROUP (ORDER BY distance) AS "p95Distance",
     max(distance) AS "maxDistance"`;

/** Between two scores that follow one another the distributions are as far apart as the difference of what lies below. */
const overallSql = `WITH ${pairsSql}, steps AS (
     SELECT score, sum(side) AS step
     FROM pairs CROSS JOIN LATERAL (VALUES (served, 1), (shadowed, -1)) AS s(score, side)
     GROUP BY score
   )
   SELECT ${figuresSql},
     (SELECT max(abs(gap))::float8 FROM (SELECT sum(step) OVER (ORDER BY score) AS gap FROM steps) g) / nullif(count(*), 0) AS ks
   FROM pairs`;

const segmentsSql = `WITH ${pairsSql}, valued AS (
     SELECT at, field, left(instance->>field, ${VALUE_CHARACTERS_MAX}) COLLATE "C" AS value, before, after, distance
     FROM pairs CROSS JOIN unnest($8::text[]) WITH ORDINALITY AS f(field, at)
   ), counted AS (
     SELECT *, count(*) OVER (PARTITION BY at, value) AS frequency FROM valued
   ), ranked AS (
     SELECT *, dense_rank() OVER (PARTITION BY at ORDER BY frequency DESC, value) > $9 AS rest FROM counted
   )
   SELECT field, CASE WHEN rest THEN NULL ELSE value END AS value, rest AS "isRest", ${figuresSql}
   FROM ranked
   GROUP BY at, field, rest, CASE WHEN rest THEN NULL ELSE value END
   ORDER BY at, rest, answers DESC, value`;
