import type { Ensemble } from '../src/contracts/ensemble.ts';
import { workflowIds, type LifecycleInput } from '../src/contracts/lifecycle.ts';
import { createNames } from '../src/contracts/names.ts';
import { rolloutPolicyDefault } from '../src/define/model.ts';
import type { Registry } from '../src/registry/registry.ts';
import type { RegisteredVersion } from '../src/registry/register-version.ts';
import { importEnsemble, type ImportedEnsemble } from '../src/training/import/import-ensemble.ts';
import { importTensors } from '../src/training/import/import-tensors.ts';
import type { ImportedTensors } from '../src/training/import/tensor-version.ts';
import { readBoundedFile, readModelFile } from '../src/training/import/read-model-file.ts';
import type { CommandContext } from './command-context.ts';
import { withRegistry, withTemporal } from './open-servers.ts';

interface ImportTensorsRequest {
  readonly model: string;
  readonly path: string;
  /** The file names other versions, and is run by running these. */
  readonly isEnsemble: boolean;
  readonly by: string;
  readonly reason: string;
}

/** A file of an ensemble is small: it only names what it runs. */
const ENSEMBLE_BYTES_MAX = 1024 * 1024;

/**
 * Registers a file whose tensors are its own, or an ensemble, as a version of a model that no project defines, and starts the model's lifecycle where it does not
 * run: by it a version is promoted.
 * @throws MillraceError MODEL_IMPORT_INVALID, TEMPORAL_UNAVAILABLE (the version is registered then; the same call again goes on)
 */
export async function importTensorVersion(
  context: CommandContext,
  request: ImportTensorsRequest,
): Promise<RegisteredVersion & ImportedTensors & { readonly ensemble?: Ensemble }> {
  const { model, by, reason } = request;
  const { imported, registered } = await withRegistry(context, async (registry) => {
    const found: ImportedTensors & { readonly ensemble?: Ensemble } = request.isEnsemble ? await importWritten(registry, request) : await importTensors({ ...request, file: await readModelFile(model, request.path) });
    const { files, signature, metrics, lineage } = found;
    await registry.registerTensorModel(model);
    const runs = found.ensemble !== undefined ? `, running ${found.ensemble.steps.map((step) => `${step.name}: ${step.model} ${step.version}`).join(', ')}` : '';
    const why = `import of ${lineage.imported?.file ?? request.path}: ${reason}${runs}`;
    return { imported: found, registered: await registry.registerVersion({ model, files, signature, metrics, lineage, actor: by, reason: why }) };
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

async function importWritten(registry: Registry, { model, path: file, by, reason }: ImportTensorsRequest): Promise<ImportedEnsemble> {
  return importEnsemble({
    model,
    file: await readBoundedFile(model, file, ENSEMBLE_BYTES_MAX),
    by,
    reason,
    championOf: async (name) => (await registry.getAllocation(name))?.champion ?? null,
    readMember: (step) => registry.readTensorBundle(step.model, step.version),
  });
}
