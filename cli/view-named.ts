import { MillraceError } from '../src/core/millrace-error.ts';
import type { FeatureView } from '../src/define/feature-view.ts';
import type { Project } from '../src/define/project.ts';

/** @throws MillraceError FEATURE_VIEW_NOT_FOUND */
export function viewNamed({ views }: Project, name: string, projectFile: string): FeatureView {
  const view = views.find((candidate) => candidate.name === name);
  if (view !== undefined) return view;
  throw new MillraceError(
    'FEATURE_VIEW_NOT_FOUND',
    `Feature view '${name}' is not in the project '${projectFile}'. It has: ${views.map((v) => v.name).join(', ')}.`,
  );
}
