import type { Model } from '../src/define/model.ts';
import { compileService, type ServiceProgram } from '../src/fold/compile-service.ts';
import type { ModelRouter } from './router/model-router.ts';

/** A model of the project, ready to take requests. */
export interface ServedModel {
  readonly name: string;
  readonly definition: Model;
  readonly program: ServiceProgram;
  /** Key fields of all entities that the service reads, in the order of its views: the split goes by them. */
  readonly keyFields: readonly string[];
  readonly router: ModelRouter;
  /** Failed answers of each version since the process started. */
  readonly errorsByVersion: Map<number, number>;
}

export function createServedModel(
  definition: Model,
  createRouter: (program: ServiceProgram) => ModelRouter,
): ServedModel {
  const program = compileService(definition.service);
  return {
    name: definition.name,
    definition,
    program,
    keyFields: [...new Set(program.views.flatMap(({ view }) => view.entity.keys))],
    router: createRouter(program),
    errorsByVersion: new Map(),
  };
}
