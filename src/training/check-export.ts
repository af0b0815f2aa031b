import { MillraceError } from '../core/millrace-error.ts';

/** The largest difference of scores between TensorFlow.js and ONNX Runtime that passes as rounding. */
export const EXPORT_DIFFERENCE_MAX = 1e-4;

/**
 * The largest absolute difference of two runs' scores.
 * @throws MillraceError TRAINING_EXPORT_MISMATCH where it exceeds `EXPORT_DIFFERENCE_MAX` or a score is no number
 */
export function checkExport(model: string, trained: Float32Array, exported: Float32Array): number {
  let worst = 0;
  let at = -1;
  for (let i = 0; i < trained.length; i++) {
    const difference = Math.abs((trained[i] as number) - (exported[i] as number));
    if (difference <= worst) continue;
    // NaN comes here as well, and stays the worst.
    worst = Number.isNaN(difference) ? Infinity : difference;
    at = i;
  }
  if (worst <= EXPORT_DIFFERENCE_MAX) return worst;
  throw exportMismatch(
    model,
    `Row ${at} scores ${trained[at]} in TensorFlow.js and ${exported[at]} in ONNX Runtime; expected a difference of at most ${EXPORT_DIFFERENCE_MAX}.`,
    { row: at, difference: worst },
  );
}

export const exportMismatch = (model: string, problem: string, details: Readonly<Record<string, unknown>>): MillraceError =>
  new MillraceError(
    'TRAINING_EXPORT_MISMATCH',
    `Model '${model}': the exported graph does not score as the trained network. ${problem} Nothing is registered; report it with the model's definition.`,
    { details },
  );
