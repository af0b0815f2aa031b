import { MillraceError } from '../src/core/millrace-error.ts';
import type { CommandContext } from './command-context.ts';
import { withRegistry } from './open-servers.ts';

/**
 * What a lifecycle is asked for about a version that nobody has would be refused by it, after the command has ended.
 * @param version null: the model alone is looked up
 * @throws MillraceError MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND
 */
export const assertRegistered = (context: CommandContext, model: string, version: number | null): Promise<void> =>
  withRegistry(context, async (registry) => {
    const models = await registry.listModels();
    if (!models.includes(model))
      throw new MillraceError('MODEL_NOT_FOUND', `Model '${model}' is not registered. These are: ${models.join(', ') || 'none'}.`);
    if (version !== null) await registry.getVersion(model, version);
  });
