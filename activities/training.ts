import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { Context } from '@temporalio/activity';
import type { TrainingActivities } from '../src/contracts/activities.ts';
import type { TrainingSet } from '../src/contracts/training-set.ts';
import type { Model } from '../src/define/model.ts';
import type { ArtifactStore } from '../src/infra/artifacts.ts';
import type { Environment } from '../src/infra/settings.ts';
import { readChampion } from '../src/registry/read-champion.ts';
import type { Registry } from '../src/registry/registry.ts';
import type { Champion } from '../src/training/champion.ts';
import { trainInChild } from '../src/training/train-in-child.ts';
import { planTraining } from '../src/training/training-plan.ts';
import { encodeTrainingSet } from '../src/training/training-set-codec.ts';
import { keepAlive } from './keep-alive.ts';
import { knownModel } from './known-model.ts';
import { mapErrors } from './map-error.ts';
import { resultOf } from './train-result.ts';

export interface TrainingDependencies {
  readonly registry: Registry;
  readonly artifacts: ArtifactStore;
  readonly models: readonly Model[];
  /**
   * Reads the features of every labelled example as of its decision time, by the current versions of the model's
   * views; null: what is known now.
   */
  readonly buildTrainingSet: (
    model: Model,
    dataCut: number | null,
  ) => Promise<{ trainingSet: TrainingSet; dataCut: number; viewVersions: Readonly<Record<string, number>> }>;
  /** Directory under which each job has one of its own. */
  readonly scratchDirectory: string;
  /** Path of a tfjs-node addon built on this machine, or null. */
  readonly addon: string | null;
  readonly environment: Environment;
}

export function createTrainingActivities(dependencies: TrainingDependencies): TrainingActivities {
  const { artifacts, models, registry } = dependencies;
  return mapErrors<TrainingActivities>({
    buildTrainingSet: ({ model, dataCut }) =>
      keepAlive(async () => {
        const built = await dependencies.buildTrainingSet(knownModel(models, model), dataCut);
        const trainingSet = await artifacts.put(encodeTrainingSet(built.trainingSet));
        return { trainingSet, rows: built.trainingSet.rows, dataCut: built.dataCut, viewVersions: built.viewVersions };
      }),

    trainAndRegister: (input) =>
      keepAlive(async (alive) => {
        const { workflowExecution } = Context.current().info;
        const key = `${workflowExecution?.workflowId}/${workflowExecution?.runId}`;
        const registered = await registry.findVersionByKey(input.model, key);
        // An attempt that was cut off after it registered is not trained again.
        if (registered !== null) return resultOf(registered, registered.metrics, true);
        const champion = await readChampion(registry, input.model);
        const bundle = await trainHere(dependencies, input, champion, (details) => alive.progress(details));
        const version = await registry.registerVersion({
          ...bundle,
          model: input.model,
          actor: workflowExecution?.workflowId ?? 'training',
          reason: `${input.request.trigger}: ${input.request.reason}`,
          key,
        });
        return resultOf(version, bundle.metrics, version.existed);
      }),
  });
}

async function trainHere(
  { artifacts, models, scratchDirectory, addon, environment }: TrainingDependencies,
  { model, request, trainingSet, dataCut, viewVersions }: Parameters<TrainingActivities['trainAndRegister']>[0],
  champion: Champion | null,
  onProgress: (progress: object) => void,
) {
  const plan = planTraining(knownModel(models, model));
  const directory = await mkdtemp(path.join(scratchDirectory, 'train-'));
  try {
    return await trainInChild({
      trainingSet: artifacts.path(trainingSet.sha256),
      // The rows say which versions of the views they are made of: others may be current by now.
      plan: { ...plan, viewVersions: viewVersions ?? plan.viewVersions },
      dataCut,
      trigger: request.trigger,
      reason: request.reason,
      champion,
      directory,
      addon,
      environment,
      signal: Context.current().cancellationSignal,
      onProgress,
      onBackend: (backend, rejected) => onProgress({ backend, rejected }),
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
