import { MillraceError } from '../../core/millrace-error.ts';

/** All that is wrong with a model file, or with what came with it. */
export const importInvalid = (model: string, file: string, problems: readonly string[]): MillraceError =>
  new MillraceError(
    'MODEL_IMPORT_INVALID',
    `Model '${model}': '${file}' can't be imported: ${problems.join('; ')}. Nothing was registered.`,
    { details: { problems: problems.length } },
  );
