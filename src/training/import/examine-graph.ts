import { fillNulls, scoresOf, type GraphTensors } from '../../contracts/graph-tensors.ts';
import type { Tensor } from '../../contracts/tensor.ts';
import { messageOf } from '../../core/millrace-error.ts';
import { EXPORT_DIFFERENCE_MAX } from '../check-export.ts';
import { findTensors, type WantedTensors } from './find-tensors.ts';
import { importInvalid } from './import-problem.ts';
import { openGraph } from './open-graph.ts';
import type { GraphHeader, OpenGraph } from './opened-graph.ts';
import type { ModelFile } from './read-model-file.ts';

/** Rows that must score alone as they do among others. */
const ALONE_ROWS = 3;

/** Rows to try a graph on, and what each of them is, for messages. */
export interface ProbeRows {
  /** Row-major, as the signature has its columns. */
  readonly features: Float32Array;
  readonly nameOf: (row: number) => string;
}

export interface ExaminedGraph {
  readonly header: GraphHeader;
  readonly tensors: GraphTensors;
  /** One for each probe row. */
  readonly scores: Float32Array;
}

/**
 * Opens a graph that somebody else made, finds its input and its score, and tries it: every probe row must get a probability,
 * the same alone as among others.
 * @throws MillraceError MODEL_IMPORT_INVALID with all that is wrong
 */
export async function examineGraph(
  model: string,
  file: ModelFile,
  wanted: WantedTensors,
  probe: ProbeRows,
): Promise<ExaminedGraph> {
  const problems: string[] = [];
  const graph = await openGraph(model, file);
  try {
    const { input, output } = findTensors(graph, wanted, problems);
    const tried = problems.length > 0 ? null : await tryGraph(graph, { input, output }, wanted, probe, problems);
    if (tried === null || problems.length > 0) throw importInvalid(model, file.name, problems);
    return { header: graph.header, ...tried };
  } finally {
    await graph.release();
  }
}

async function tryGraph(
  graph: OpenGraph,
  { input, output }: { readonly input: string; readonly output: string },
  { columns, nullAs }: Pick<WantedTensors, 'columns' | 'nullAs'>,
  { features, nameOf }: ProbeRows,
  problems: string[],
): Promise<{ tensors: GraphTensors; scores: Float32Array } | null> {
  const fill = nullAs === null ? {} : { nullAs };
  const run = async (rows: Float32Array): Promise<Tensor | undefined> => {
    const elements = fillNulls(rows, fill);
    return (await graph.run([{ name: input, datatype: 'FP32', shape: [rows.length / columns, columns], elements }], [output]))[0];
  };
  const rows = features.length / columns;
  try {
    const answer = await run(features);
    const outputColumns = columnsOf(answer?.shape ?? [], rows);
    if (outputColumns === null) {
      problems.push(
        `output '${output}' answers ${rows} rows with shape [${answer?.shape.join(', ') ?? ''}], expected [rows], [rows, 1], or [rows, 2] with the ` +
          'probability of the positive class last',
      );
      return null;
    }
    const tensors: GraphTensors = { input, output, outputColumns, scoreColumn: outputColumns - 1, ...fill };
    const scores = scoresOf(answer?.elements, rows, tensors) as Float32Array;
    const wrong = scores.findIndex((score) => !(score >= 0 && score <= 1));
    if (wrong >= 0) problems.push(`${nameOf(wrong)} scores ${scores[wrong]}: ${scoreAdvice(scores[wrong] as number)}`);
    for (let row = 0; row < Math.min(ALONE_ROWS, rows) && problems.length === 0; row++) {
      const alone = scoresOf((await run(features.slice(row * columns, (row + 1) * columns)))?.elements, 1, tensors)?.[0];
      if (alone !== undefined && Math.abs(alone - (scores[row] as number)) <= EXPORT_DIFFERENCE_MAX) continue;
      problems.push(`${nameOf(row)} scores ${scores[row]} among others and ${alone} alone: rows must not depend on one another`);
    }
    return { tensors, scores };
  } catch (error) {
    problems.push(`it fails on a batch of rows (${messageOf(error)})`);
    return null;
  }
}

/** Values that an answer has for each row; null where it is no score. */
function columnsOf(dims: readonly number[], rows: number): number | null {
  if (dims[0] !== rows || dims.length > 2) return null;
  const columns = dims[1] ?? 1;
  return columns === 1 || columns === 2 ? columns : null;
}

const scoreAdvice = (score: number): string =>
  Number.isFinite(score)
    ? 'expected a probability from 0 to 1; end the graph with a sigmoid or softmax'
    : 'null reaches the graph as NaN: impute it in the graph, or name a number for it by --null-as';
