import { millraceTensors } from '../../src/contracts/graph-tensors.ts';
import type { ServingVersion } from '../router/serving-version.ts';
import type { Elements, Tensor, TensorSpec } from '../../src/contracts/tensor.ts';

/** Whether the score reaches the version's threshold. */
const LABEL_NAME = 'label';

export interface VersionTensors {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** What a version trained on a feature service takes and answers as raw tensors; the first dimension is rows. */
export const tensorsOf = ({ columns }: Pick<ServingVersion, 'columns'>): VersionTensors => ({
  inputs: [{ name: millraceTensors.input, datatype: 'FP32', shape: [-1, columns] }],
  outputs: [
    { name: millraceTensors.output, datatype: 'FP32', shape: [-1] },
    { name: LABEL_NAME, datatype: 'BOOL', shape: [-1] },
  ],
});

/** The outputs wanted, of the scores of all rows. */
export function outputsOf(specs: readonly TensorSpec[], scores: Float32Array, threshold: number): Tensor[] {
  return specs.map(({ name, datatype }) => ({ name, datatype, shape: [scores.length], elements: elementsOf(name, scores, threshold) }));
}

const elementsOf = (name: string, scores: Float32Array, threshold: number): Elements => (name === LABEL_NAME ? labelsOf(scores, threshold) : scores);

function labelsOf(scores: Float32Array, threshold: number): Uint8Array {
  const labels = new Uint8Array(scores.length);
  for (let i = 0; i < scores.length; i++) labels[i] = scores[i]! >= threshold ? 1 : 0;
  return labels;
}
