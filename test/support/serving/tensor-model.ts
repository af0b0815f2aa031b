import { importTensors } from '../../../src/training/import/import-tensors.ts';
import type { Registry } from '../../../src/registry/registry.ts';

/** Registers a file as a version of a model without a feature service, and makes it the champion. */
export async function promoteTensors(registry: Registry, model: string, bytes: Buffer): Promise<{ version: number; notes: readonly string[] }> {
  const { files, signature, metrics, lineage, notes } = await importTensors({ model, file: { name: `${model}.onnx`, role: 'model.onnx', bytes }, by: 'test', reason: 'a test' });
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
