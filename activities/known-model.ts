import { MillraceError } from '../src/core/millrace-error.ts';
import type { Model } from '../src/define/model.ts';

/** @throws MillraceError MODEL_NOT_FOUND where the worker's project has no such model */
export function knownModel(models: readonly Model[], name: string): Model {
  const found = models.find((model) => model.name === name);
  if (found !== undefined) return found;
  throw new MillraceError(
    'MODEL_NOT_FOUND',
    `Model '${name}' is not in this worker's project, which has ${models.map((model) => `'${model.name}'`).join(', ') || 'none'}. Start the workers with the project that defines it.`,
  );
}
