import { canonicalJson } from '../core/json.ts';
import { MillraceError } from '../core/millrace-error.ts';
import { checkModel } from './checks/check-model.ts';
import { checkDefinitionName } from './checks/check-names.ts';
import { checkService } from './checks/check-service.ts';
import { checkSource } from './checks/check-source.ts';
import { checkEntity, checkView } from './checks/check-view.ts';
import { duplicatesOf, ProblemList } from './checks/problem-list.ts';
import type { Project } from './project.ts';

/**
 * Every problem of a project that types can't find, each as what, which, expected, found, what next;
 * none for a project that all other parts may trust.
 */
export function validateProject(project: Project): readonly string[] {
  const own = new ProblemList(`Project '${project.name}'`);
  checkDefinitionName(project.name, own);
  return [
    ...own.all,
    ...checkUnique('Entity', project.entities),
    ...checkUnique('Source', project.sources),
    ...checkUnique('Feature view', project.views),
    ...checkUnique('Feature service', project.services),
    ...checkUnique('Model', project.models),
    ...project.entities.flatMap(checkEntity),
    ...project.sources.flatMap(checkSource),
    ...project.views.flatMap(checkView),
    ...project.services.flatMap(checkService),
    ...project.models.flatMap(checkModel),
  ];
}

/** @throws MillraceError PROJECT_INVALID with all problems */
export function assertProject(project: Project): void {
  const problems = validateProject(project);
  if (problems.length === 0) return;
  throw new MillraceError(
    'PROJECT_INVALID',
    `Project '${project.name}' has ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}:\n${problems.map((problem) => `- ${problem}`).join('\n')}`,
    { details: { problems } },
  );
}

/** One name, one definition: everything else finds definitions by their names. */
function checkUnique(kind: string, definitions: readonly { readonly name: string }[]): readonly string[] {
  return duplicatesOf(definitions.map(({ name }) => name)).map((name) => {
    const texts = new Set(definitions.filter((one) => one.name === name).map((one) => canonicalJson(one)));
    return texts.size > 1
      ? `${kind} '${name}': expected one definition, found ${texts.size} that differ. Rename one of them.`
      : `${kind} '${name}': expected to be defined once, found it defined again in the same words. Define it once and use that value.`;
  });
}
