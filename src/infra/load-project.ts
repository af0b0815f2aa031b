import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf, MillraceError } from '../core/millrace-error.ts';
import type { Project } from '../define/project.ts';
import { assertProject } from '../define/validate-project.ts';

/**
 * Imports a project file and checks the project as a whole.
 * @throws MillraceError PROJECT_NOT_LOADED, PROJECT_INVALID
 */
export async function loadProject(file: string): Promise<Project> {
  let loaded: { readonly default?: unknown };
  try {
    loaded = (await import(pathToFileURL(path.resolve(file)).href)) as { readonly default?: unknown };
  } catch (cause) {
    throw new MillraceError('PROJECT_NOT_LOADED', `Project file '${file}' could not be imported: ${messageOf(cause)}`, {
      cause,
    });
  }
  const found = loaded.default;
  if (typeof found !== 'object' || found === null || !('kind' in found) || found.kind !== 'project') {
    throw new MillraceError(
      'PROJECT_NOT_LOADED',
      `Project file '${file}' has no project as its default export. Add: export default project({ name: ..., models: [...] }).`,
    );
  }
  const project = found as Project;
  assertProject(project);
  return project;
}
