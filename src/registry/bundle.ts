import type {
  BundleManifest,
  GoldenBatch,
  Lineage,
  ModelSignature,
  ReferenceProfile,
  VersionMetrics,
} from '../contracts/model-bundle.ts';
import type { GoldenTensors, TensorSignature } from '../contracts/tensor-signature.ts';

/** Of a model without a feature service. */
export type TensorBundle = LoadedBundle<TensorSignature, GoldenTensors>;

/** A file's part in a bundle; also its name. */
export type BundleRole = keyof BundleManifest['files'];

export const bundleRoles = [
  'model.onnx',
  'signature.json',
  'reference-profile.json',
  'golden-batch.json',
  'metrics.json',
  'lineage.json',
] as const satisfies readonly BundleRole[];

export type BundleFiles = Readonly<Record<BundleRole, Uint8Array>>;

/** A version with all of its files read and their digests checked. */
export interface LoadedBundle<Signature = ModelSignature, Golden = GoldenBatch> {
  readonly model: string;
  readonly version: number;
  readonly digest: string;
  readonly manifest: BundleManifest;
  readonly onnx: Uint8Array;
  /** Path of the ONNX file, for a session that loads from disk. */
  readonly onnxPath: string;
  readonly signature: Signature;
  readonly referenceProfile: ReferenceProfile;
  readonly goldenBatch: Golden;
  readonly metrics: VersionMetrics;
  readonly lineage: Lineage;
}
