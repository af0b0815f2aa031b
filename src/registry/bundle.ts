import type {
  BundleManifest,
  ByRole,
  GoldenBatch,
  GraphRole,
  Lineage,
  ModelGraph,
  ModelSignature,
  ReferenceProfile,
  RuntimeRole,
  VersionMetrics,
} from '../contracts/model-bundle.ts';
import type { GoldenTensors, TensorSignature } from '../contracts/tensor-signature.ts';

/** Of a model without a feature service. */
export type TensorBundle = LoadedBundle<TensorSignature, GoldenTensors, GraphRole>;

export type BundleFiles = ByRole<Uint8Array>;

/** A version's graph as a file that a session loads from disk. */
export interface GraphFile<Role extends GraphRole = RuntimeRole> extends ModelGraph<Role> {
  readonly path: string;
  readonly sha256: string;
}

/** A version with all of its files read and their digests checked. */
export interface LoadedBundle<Signature = ModelSignature, Golden = GoldenBatch, Role extends GraphRole = RuntimeRole> {
  readonly model: string;
  readonly version: number;
  readonly digest: string;
  readonly manifest: BundleManifest;
  readonly graph: GraphFile<Role>;
  readonly signature: Signature;
  readonly referenceProfile: ReferenceProfile;
  readonly goldenBatch: Golden;
  readonly metrics: VersionMetrics;
  readonly lineage: Lineage;
}
