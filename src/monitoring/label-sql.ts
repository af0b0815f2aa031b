import { LOG_LOSS_CLIP } from '../statistics/probability-scores.ts';
import type { LabelColumns } from './monitored-model.ts';

/**
 * Joins the label to decisions `d`, as `l.label`. The first label of an example counts. Taken by an aggregate, because ORDER BY and LIMIT
 * would tempt the planner of a table without statistics to walk the whole log in order of time for each decision.
 */
export const joinLabelSql = ({ table, id, value }: LabelColumns): string =>
  `LEFT JOIN LATERAL (
     SELECT (array_agg(${value} ORDER BY known_time, source_partition, source_offset))[1] AS label FROM ${table}
     WHERE ${id} = d.example_id AND ${value} IS NOT NULL
   ) l ON true`;

const clipped = (score: string): string => `greatest(${LOG_LOSS_CLIP}, least(1 - ${LOG_LOSS_CLIP}, ${score}))`;

/** Natural log loss of one row with a `label`; null where the outcome or the score is. */
export const lossSql = (score: string): string =>
  `CASE WHEN label IS NULL THEN NULL WHEN label THEN -ln(${clipped(score)}) ELSE -ln(1 - ${clipped(score)}) END`;
