import { workflowIds, type LifecycleInput } from '../src/contracts/lifecycle.ts';
import { createNames } from '../src/contracts/names.ts';
import { rolloutPolicyDefault } from '../src/define/model.ts';
import type { RegisteredVersion } from '../src/registry/register-version.ts';
import { importTensors, type ImportedTensors } from '../src/training/import/import-tensors.ts';
import { readModelFile } from '../src/training/import/read-model-file.ts';
import type { CommandContext } from './command-context.ts';
import { withRegistry, withTemporal } from './open-servers.ts';

interface ImportTensorsRequest {
  readonly model: string;
  readonly path: string;
  readonly by: string;
  readonly reason: string;
}

/**
 * Registers a file whose tensors are its own as a version of a model that no project defines, and starts the model's lifecycle where it does not
 * run: by it a version is promoted.
 * @throws MillraceError MODEL_IMPORT_INVALID, TEMPORAL_UNAVAILABLE (the version is registered then; the same call again goes on)
 */
export async function importTensorVersion(
  context: CommandContext,
  { model, path, by, reason }: ImportTensorsRequest,
): Promise<RegisteredVersion & Omit<ImportedTensors, 'files'>> {
  const file = await readModelFile(model, path);
  const { files, ...imported } = await importTensors({ model, file, by, reason });
  const registered = await withRegistry(context, async (registry) => {
    await registry.registerTensorModel(model);
    const { signature, metrics, lineage } = imported;
    return registry.registerVersion({ model, files, signature, metrics, lineage, actor: by, reason: `import of ${file.name}: ${reason}` });
  });
  await withTemporal(context, `starting the lifecycle of '${model}'`, async (client, { namespace }) => {
    const input: LifecycleInput = { namespace, model, policy: rolloutPolicyDefault };
    await client.workflow.start('modelLifecycle', {
      workflowId: workflowIds.modelLifecycle(namespace, model),
      workflowIdConflictPolicy: 'USE_EXISTING',
      taskQueue: createNames(namespace).taskQueue('orchestration'),
      staticSummary: `Life of the model ${model}: the only thing that changes what serves`,
      args: [input],
    });
  });
  return { ...registered, ...imported };
}
