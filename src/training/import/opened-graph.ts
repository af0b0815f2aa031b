import type { ImportedFile } from '../../contracts/model-bundle.ts';
import type { Tensor } from '../../contracts/tensor.ts';

/** A tensor of a graph that somebody else made, as the runtime tells of it. */
export type GraphValue =
  | { readonly name: string; readonly isTensor: false }
  | {
      readonly name: string;
      readonly isTensor: true;
      /** In ONNX Runtime's words, which those of TensorFlow.js are among. */
      readonly type: string;
      /** A text or a negative number is any size. */
      readonly shape: readonly (number | string)[];
    };

/** What a file says of how it came to be. */
export type GraphHeader = Pick<ImportedFile, 'producerName' | 'producerVersion' | 'irVersion' | 'opsets'>;

/** A graph that is open on one CPU thread of this process. */
export interface OpenGraph {
  readonly header: GraphHeader;
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  /** The named outputs, in their order. */
  run(inputs: readonly Tensor[], outputs: readonly string[]): Promise<Tensor[]>;
  release(): Promise<void>;
}
