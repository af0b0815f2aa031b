import type {
  BundleManifest,
  GoldenBatch,
  Lineage,
  ModelSignature,
  ReferenceProfile,
  VersionMetrics,
} from '../contracts/model-bundle.ts';
import type { GoldenTensors, TensorSignature } from '../contracts/tensor-signature.ts';

export type BundleFiles = Readonly<Record<keyof BundleManifest['files'], Uint8Array>>;

export const bundleFileNames = [
  'model.onnx',
  'signature.json',
  'reference-profile.json',
  'golden-batch.json',
  'metrics.json',
  'lineage.json',
] as const satisfies readonly (keyof BundleManifest['files'])[];

export function bundleFiles(parts: {
  onnx: Uint8Array;
  signature: ModelSignature | TensorSignature;
  profile: ReferenceProfile;
  goldenBatch: GoldenBatch | GoldenTensors;
  metrics: VersionMetrics;
  lineage: Lineage;
}): BundleFiles {
  return {
    'model.onnx': parts.onnx,
    'signature.json': jsonBytes(parts.signature),
    'reference-profile.json': jsonBytes(parts.profile),
    'golden-batch.json': jsonBytes(parts.goldenBatch),
    'metrics.json': jsonBytes(parts.metrics),
    'lineage.json': jsonBytes(parts.lineage),
  };
}

const jsonBytes = (value: object): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
