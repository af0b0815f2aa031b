import { MillraceError } from '../src/core/millrace-error.ts';
import type { Project } from '../src/define/project.ts';
import type { Source } from '../src/define/source.ts';

/**
 * The named source of a project, or all of them.
 * @throws MillraceError STREAM_SOURCE_NOT_FOUND
 */
export function sourcesNamed({ sources }: Project, name: string | undefined, projectFile: string): readonly Source[] {
  if (name === undefined) return sources;
  const found = sources.filter((source) => source.name === name);
  if (found.length > 0) return found;
  throw new MillraceError(
    'STREAM_SOURCE_NOT_FOUND',
    `Source '${name}' is not in the project '${projectFile}'. It has: ${sources.map((source) => source.name).join(', ')}.`,
  );
}
