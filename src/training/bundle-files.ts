import type {
  GoldenBatch,
  GraphRole,
  Lineage,
  ModelGraph,
  ModelSignature,
  ReferenceProfile,
  VersionMetrics,
} from '../contracts/model-bundle.ts';
import type { GoldenTensors, TensorSignature } from '../contracts/tensor-signature.ts';
import type { BundleFiles } from '../registry/bundle.ts';

export function bundleFiles(parts: {
  graph: ModelGraph<GraphRole>;
  signature: ModelSignature | TensorSignature;
  profile: ReferenceProfile;
  goldenBatch: GoldenBatch | GoldenTensors;
  metrics: VersionMetrics;
  lineage: Lineage;
}): BundleFiles {
  return {
    [parts.graph.role]: parts.graph.bytes,
    'signature.json': jsonBytes(parts.signature),
    'reference-profile.json': jsonBytes(parts.profile),
    'golden-batch.json': jsonBytes(parts.goldenBatch),
    'metrics.json': jsonBytes(parts.metrics),
    'lineage.json': jsonBytes(parts.lineage),
  };
}

const jsonBytes = (value: object): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
