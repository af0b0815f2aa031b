import { attachedViews, withInputs } from './derivation.ts';
import type { Entity } from './entity.ts';
import type { FeatureService } from './feature-service.ts';
import type { FeatureView } from './feature-view.ts';
import type { Model } from './model.ts';
import type { Source } from './source.ts';

/** Everything that a user defines, checked as a whole. */
export interface Project {
  readonly kind: 'project';
  readonly name: string;
  readonly entities: readonly Entity[];
  readonly sources: readonly Source[];
  readonly views: readonly FeatureView[];
  readonly services: readonly FeatureService[];
  readonly models: readonly Model[];
}

/**
 * Collects definitions; what they refer to is collected with them. Checks are made by
 * `validateProject`, which every process runs when it loads the project.
 */
export function project(definition: {
  name: string;
  models?: readonly Model[];
  services?: readonly FeatureService[];
  views?: readonly FeatureView[];
  sources?: readonly Source[];
}): Project {
  const models = [...new Set(definition.models ?? [])];
  const services = [...new Set([...(definition.services ?? []), ...models.map((m) => m.service)])];
  const read = [
    ...(definition.views ?? []),
    ...services.flatMap((s) => [...s.views, ...s.onDemand.flatMap((d) => Object.values(d.views))]),
  ];
  const sources = withInputs([
    ...(definition.sources ?? []),
    ...read.map((v) => v.source),
    ...models.flatMap((m) => [m.examples.source, m.label.source]),
  ]);
  const views = [...new Set([...read, ...sources.flatMap(attachedViews)])];
  const entities = [...new Set(views.map((v) => v.entity))];
  return { kind: 'project', name: definition.name, entities, sources, views, services, models };
}
