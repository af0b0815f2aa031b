import type { Model } from '../src/define/model.ts';
import { compileService, type ServiceProgram } from '../src/fold/compile-service.ts';
import type { BaseConfig } from '../src/infra/base-config.ts';
import { loadProject } from '../src/infra/load-project.ts';
import type { LogDatabase } from '../src/store/cold-log/cold-log.ts';
import { currentModel, recordService } from '../src/store/current-services.ts';
import { planTraining, type TrainingPlan } from '../src/training/training-plan.ts';
import type { CommandContext } from './command-context.ts';
import { modelNamed } from './model-named.ts';
import { withLogDatabase } from './open-servers.ts';

/** A model with the versions of its views that are current, as training has it. */
export interface OpenModel {
  readonly model: Model;
  readonly program: ServiceProgram;
  readonly plan: TrainingPlan;
  readonly db: LogDatabase;
  readonly config: BaseConfig;
}

/** @throws MillraceError MODEL_NOT_FOUND, FEATURE_VIEW_NOT_READY */
export const withModel = <T>(context: CommandContext, name: string, work: (open: OpenModel) => Promise<T>): Promise<T> =>
  withLogDatabase(context, async (db, config) => {
    const project = await loadProject(context.options.project);
    const given = await modelNamed(context, name);
    const model = await currentModel(db, project, given);
    const program = compileService(model.service);
    // A version is signed with it, and may outlive it in the project.
    await recordService(db, program);
    return work({ model, program, plan: planTraining(model), db, config });
  });
