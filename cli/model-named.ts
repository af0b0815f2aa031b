import { MillraceError } from '../src/core/millrace-error.ts';
import type { Model } from '../src/define/model.ts';
import { loadProject } from '../src/infra/load-project.ts';
import type { CommandContext } from './command-context.ts';

/** A model of the project. @throws MillraceError MODEL_NOT_FOUND */
export async function modelNamed({ options: { project } }: CommandContext, name: string): Promise<Model> {
  const { models } = await loadProject(project);
  const found = models.find((model) => model.name === name);
  if (found !== undefined) return found;
  throw new MillraceError(
    'MODEL_NOT_FOUND',
    `Model '${name}' is not in the project '${project}'. It has: ${models.map((model) => model.name).join(', ') || 'none'}.`,
  );
}
