import { MillraceError } from '../src/core/millrace-error.ts';

/** @throws SERVING_SCORE_INVALID */
export function finiteScore(score: number | undefined, model: string, version: number): number {
  if (score !== undefined && Number.isFinite(score)) return score;
  throw new MillraceError(
    'SERVING_SCORE_INVALID',
    `Model '${model}' version ${version} answered ${String(score)}, expected a finite number. Roll back to the version before it.`,
  );
}
