import type { GoldenBatch, ModelSignature } from '../../src/contracts/model-bundle.ts';
import type { Model } from '../../src/define/model.ts';
import { compileService } from '../../src/fold/compile-service.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { serviceDigest } from '../../src/store/service-digest.ts';

const BATCH_ROWS_MAX = 256;
const ABOUT = { actor: 'bench', reason: 'bench' };

export interface BenchVersion {
  readonly onnx: Uint8Array;
  readonly golden: GoldenBatch;
  readonly batchRowsMax?: number;
}

/** Registers a file as a version of a model and promotes it, as training and a rollout would have. */
export async function registerVersion(registry: Registry, { name, service }: Model, { onnx, golden, batchRowsMax = BATCH_ROWS_MAX }: BenchVersion): Promise<void> {
  const program = compileService(service);
  const signature: ModelSignature = {
    model: name,
    task: 'binary_classification',
    featureService: service.name,
    serviceDigest: serviceDigest(program),
    viewVersions: {},
    numericNames: program.numericNames,
    categories: program.categoryNames.map((category) => ({ name: category, vocabulary: [] })),
    batchRowsMax,
    threshold: 0.5,
  };
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  await registry.registerModel(name, {});
  const files = {
    'model.onnx': onnx,
    'signature.json': json(signature),
    'reference-profile.json': json({ columns: [], usualPsi: {} }),
    'golden-batch.json': json(golden),
    'metrics.json': json({}),
    'lineage.json': json({}),
  };
  const lineage = { trigger: 'manual', dataCut: 0 } as never;
  const { version } = await registry.registerVersion({ model: name, files, metrics: {} as never, lineage, signature, ...ABOUT });
  const none = { expectedRevision: null, canary: null, shadow: null };
  await registry.setAllocation({ model: name, champion: version, action: 'promote', ...none, ...ABOUT });
}
