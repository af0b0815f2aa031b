import type { Tensor } from '../../src/contracts/tensor.ts';
import type { GoldenTensors } from '../../src/contracts/tensor-signature.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { fromGolden, tensorDifference } from '../../src/registry/golden-tensors.ts';
import type { TimedTensors } from './session-process.ts';

/** The first runs of a session are slow: the last of so many counts. */
const WARM_UP_RUNS = 3;

/**
 * Runs the inputs that the import recorded and compares the outputs.
 * @returns the time of a warm run in ms; null where the import recorded none
 * @throws SERVING_VERSION_REJECTED
 */
export async function checkGoldenTensors(
  { tensors, tolerance }: GoldenTensors,
  run: (inputs: readonly Tensor[]) => Promise<TimedTensors>,
): Promise<number | null> {
  if (tensors === null) return null;
  const inputs = tensors.inputs.map(fromGolden);
  let computeMs = 0;
  for (let i = 0; i < WARM_UP_RUNS; i++) {
    const answer = await run(inputs);
    computeMs = answer.computeMs;
    for (const [at, golden] of tensors.outputs.entries()) {
      const difference = tensorDifference(fromGolden(golden), answer.outputs[at], tolerance);
      if (difference === null) continue;
      throw new MillraceError('SERVING_VERSION_REJECTED', `The golden batch failed: ${difference}. Import and register the version again.`);
    }
  }
  return computeMs;
}
