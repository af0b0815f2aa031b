import { access } from 'node:fs/promises';
import { register } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf, MillraceError } from '../core/millrace-error.ts';
import type { Project } from '../define/project.ts';
import { assertProject } from '../define/validate-project.ts';

const hooksUrl = new URL('project-hooks.mjs', import.meta.url);
const millraceUrl = new URL('../index.ts', import.meta.url);
let hasHooks = false;

/**
 * Imports a project file, wherever it lies, and checks the project as a whole.
 * @throws MillraceError PROJECT_NOT_LOADED, PROJECT_INVALID
 */
export async function loadProject(file: string): Promise<Project> {
  const full = path.resolve(file);
  await access(full).catch((cause: unknown) => {
    throw new MillraceError('PROJECT_NOT_LOADED', `Project file '${full}' is not there. Name it with --project or MILLRACE_PROJECT.`, { cause });
  });
  // Behind the loader that reads TypeScript, which is there by now.
  if (!hasHooks) register(hooksUrl, { data: { millrace: millraceUrl.href } });
  hasHooks = true;
  let loaded: { readonly default?: unknown };
  try {
    loaded = (await import(pathToFileURL(full).href)) as { readonly default?: unknown };
  } catch (cause) {
    throw new MillraceError('PROJECT_NOT_LOADED', `Project file '${file}' ${whyOf(cause, full)}`, { cause });
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

const UNRESOLVED = /^Cannot find (package|module) '([^']+)' imported from (.+)$/;

/** What is wrong with a file that can't be imported, and what to do. */
function whyOf(cause: unknown, file: string): string {
  const message = messageOf(cause);
  const { code, name } = cause as { readonly code?: unknown; readonly name?: unknown };
  if (code === 'ERR_MODULE_NOT_FOUND') {
    const [, what, wanted, from] = UNRESOLVED.exec(message) ?? [];
    if (what === 'package') return `needs package '${wanted}', which is not found from '${from}'. Run 'npm install ${wanted}' in '${path.dirname(file)}'; 'millrace' itself needs no installation.`;
    return `imports what is not there: ${message}. Correct the path.`;
  }
  // A name that a module does not export is a SyntaxError too.
  const isUnread = name === 'TransformError' || (name === 'SyntaxError' && !message.includes('does not provide an export'));
  return isUnread ? `does not parse: ${message}. Correct it.` : `could not be imported: ${message}. Correct it.`;
}
