import type { BundleManifest, Lineage, ModelSignature, VersionMetrics } from '../contracts/model-bundle.ts';

/** A numbered build of a registered model. It never changes. */
export interface ModelVersion {
  readonly model: string;
  readonly version: number;
  /** sha256 of the manifest's canonical JSON. */
  readonly digest: string;
  readonly manifest: BundleManifest;
  readonly signature: ModelSignature;
  readonly metrics: VersionMetrics;
  readonly lineage: Lineage;
  readonly registeredBy: string;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly registeredAt: number;
}

export interface ModelVersionRow extends Omit<ModelVersion, 'registeredBy' | 'registeredAt'> {
  readonly registered_by: string;
  readonly registered_at: Date;
}

export const modelVersionColumns =
  'model, version, digest, manifest, signature, metrics, lineage, registered_by, reason, registered_at';

export function toModelVersion(row: ModelVersionRow): ModelVersion {
  const { registered_by: registeredBy, registered_at: registeredAt, ...rest } = row;
  return { ...rest, registeredBy, registeredAt: registeredAt.getTime() };
}
