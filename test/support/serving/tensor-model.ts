import { importEnsemble } from '../../../src/training/import/import-ensemble.ts';
import { importTensors } from '../../../src/training/import/import-tensors.ts';
import type { ImportedTensors } from '../../../src/training/import/tensor-version.ts';
import type { Registry } from '../../../src/registry/registry.ts';

interface Promoted {
  readonly version: number;
  readonly notes: readonly string[];
}

const about = { by: 'test', reason: 'a test' };

/** Registers a file as a version of a model without a feature service, and makes it the champion. */
export const promoteTensors = async (registry: Registry, model: string, bytes: Buffer): Promise<Promoted> =>
  promote(registry, model, await importTensors({ model, file: { name: `${model}.onnx`, role: 'model.onnx', bytes }, ...about }));

/** Registers an ensemble of versions that are registered, and makes it the champion. */
export const promoteEnsemble = async (registry: Registry, model: string, document: object): Promise<Promoted> =>
  promote(
    registry,
    model,
    await importEnsemble({
      model,
      file: { name: 'ensemble.json', bytes: Buffer.from(JSON.stringify(document)) },
      ...about,
      championOf: async (name) => (await registry.getAllocation(name))?.champion ?? null,
      readMember: (step) => registry.readTensorBundle(step.model, step.version),
    }),
  );

async function promote(registry: Registry, model: string, { files, signature, metrics, lineage, notes }: ImportedTensors): Promise<Promoted> {
  await registry.registerTensorModel(model);
  const { version } = await registry.registerVersion({ model, files, signature, metrics, lineage, actor: 'test', reason: 'a test' });
  const present = await registry.getAllocation(model);
  await registry.setAllocation({
    model,
    expectedRevision: present?.revision ?? null,
    champion: version,
    canary: null,
    shadow: null,
    actor: 'test',
    action: 'promote',
    reason: 'a test',
  });
  return { version, notes };
}
