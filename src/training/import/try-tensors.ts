import { elementCount, type Tensor, type TensorSpec } from '../../contracts/tensor.ts';
import type { GoldenTensors } from '../../contracts/tensor-signature.ts';
import { messageOf } from '../../core/millrace-error.ts';
import { tensorDifference, toGolden } from '../../registry/golden-tensors.ts';
import { EXPORT_DIFFERENCE_MAX } from '../check-export.ts';
import { probeTensors, rowOf } from './probe-tensors.ts';

/** Rows of the probe: enough to see whether they depend on one another. */
const PROBE_ROWS = 3;
/** Elements of a golden batch; larger ones are not kept. */
const GOLDEN_ELEMENTS_MAX = 1_000_000;

/** Why requests can't share a run where the shapes say it. */
export const NO_ROWS = 'its first dimensions are not rows, open and the same in all inputs';

/** What made inputs have shown. */
export interface TensorProbe {
  readonly batched: boolean;
  readonly tensors: GoldenTensors['tensors'];
}

/**
 * Runs made inputs: what they give is the golden batch, and shows whether rows may share a run.
 * @param apart why they may not in any case; null: they may, as far as the tensors' shapes say
 */
export async function tryTensors(
  run: (inputs: readonly Tensor[]) => Promise<Tensor[]>,
  specs: readonly TensorSpec[],
  apart: string | null,
  notes: string[],
): Promise<TensorProbe> {
  const inputs = probeTensors(specs, apart === null ? PROBE_ROWS : 1);
  try {
    const outputs = await run(inputs);
    const dependence = apart ?? (await rowDependence(run, inputs, outputs));
    if (dependence !== null) notes.push(`requests run one at a time: ${dependence}`);
    const elements = [...inputs, ...outputs].reduce((sum, { shape }) => sum + elementCount(shape), 0);
    if (elements > GOLDEN_ELEMENTS_MAX) notes.push(`no golden batch is kept: ${elements} elements, at most ${GOLDEN_ELEMENTS_MAX} are`);
    const tensors = elements > GOLDEN_ELEMENTS_MAX ? null : { inputs: inputs.map(toGolden), outputs: outputs.map(toGolden) };
    return { batched: dependence === null, tensors };
  } catch (error) {
    notes.push(`it fails on made inputs (${messageOf(error)}): requests run one at a time, and no golden batch is kept`);
    return { batched: false, tensors: null };
  }
}

/** Why rows may not share a run, or null: each must answer alone what it answers among others. */
async function rowDependence(
  run: (inputs: readonly Tensor[]) => Promise<Tensor[]>,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
): Promise<string | null> {
  const odd = outputs.find(({ shape }) => shape[0] !== PROBE_ROWS);
  if (odd !== undefined) return `output '${odd.name}' answers ${PROBE_ROWS} rows with shape [${odd.shape.join(', ')}]`;
  for (let row = 0; row < PROBE_ROWS; row++) {
    const alone = await run(rowOf(inputs, row));
    for (const [i, expected] of rowOf(outputs, row).entries()) {
      const difference = tensorDifference(expected, alone[i], EXPORT_DIFFERENCE_MAX);
      if (difference !== null) return `alone a row gives another answer than among others (${difference})`;
    }
  }
  return null;
}
