import { fillNulls, millraceTensors, scoresOf, type GraphTensors } from '../contracts/graph-tensors.ts';
import { MillraceError } from '../core/millrace-error.ts';

/** Rows that are scored together; bounds the memory of a run. */
const SCORE_ROWS = 4_096;

/** What a graph answered for some rows. */
export interface BlockAnswer {
  readonly data: unknown;
  readonly shape: readonly number[];
}

/**
 * Scores rows block by block, whatever runs the graph.
 * @param features row-major, `columns` a row
 * @param run answers the output that `tensors` names for the rows of its input
 * @throws MillraceError SERVING_SESSION_FAILED where the graph answers something else than a score a row; SERVING_SCORE_INVALID, with the `row` in
 * its details, where a score is not finite: no metric has a meaning then
 */
export async function scoreBlocks(
  features: Float32Array,
  columns: number,
  tensors: GraphTensors = millraceTensors,
  run: (block: Float32Array, rows: number, tensors: GraphTensors) => Promise<BlockAnswer | undefined>,
): Promise<Float32Array> {
  const rows = features.length / columns;
  const scores = new Float32Array(rows);
  for (let from = 0; from < rows; from += SCORE_ROWS) {
    const count = Math.min(SCORE_ROWS, rows - from);
    const answer = await run(fillNulls(features.subarray(from * columns, (from + count) * columns), tensors), count, tensors);
    const found = scoresOf(answer?.data, count, tensors);
    if (found === null) {
      const shape = answer?.shape.join(', ') ?? '';
      throw new MillraceError('SERVING_SESSION_FAILED', `A batch of ${count} rows was answered with '${tensors.output}' of shape [${shape}], expected a score for each row.`);
    }
    const wrong = found.findIndex((score) => !Number.isFinite(score));
    if (wrong >= 0) {
      const message = `Row ${from + wrong} of ${rows} was answered with ${found[wrong]}, expected a finite number. Look at the version's training, or at how its file was made.`;
      throw new MillraceError('SERVING_SCORE_INVALID', message, { details: { row: from + wrong } });
    }
    scores.set(found, from);
  }
  return scores;
}
