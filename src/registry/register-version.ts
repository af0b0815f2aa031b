import type {
  BundleManifest,
  Lineage,
  ModelSignature,
  VersionMetrics,
} from '../contracts/model-bundle.ts';
import type { TensorSignature } from '../contracts/tensor-signature.ts';
import { canonicalJson } from '../core/json.ts';
import { sha256Hex, type ArtifactStore } from '../infra/artifacts.ts';
import type { Postgres, Queryable } from '../infra/postgres.ts';
import { appendLedger } from './append-ledger.ts';
import type { BundleFiles } from './bundle.ts';
import { lockModel } from './lock-model.ts';

export interface VersionRegistration {
  readonly model: string;
  readonly files: BundleFiles;
  readonly metrics: VersionMetrics;
  readonly lineage: Lineage;
  readonly signature: ModelSignature | TensorSignature;
  readonly actor: string;
  readonly reason: string;
  /** Names the attempt; a second registration with the same key answers the first one's version. */
  readonly key?: string;
}

export interface RegisteredVersion {
  readonly version: number;
  readonly digest: string;
  /** True where the same bundle, or the same attempt, was registered before. */
  readonly existed: boolean;
}

/** Stores the files by content, then the version and its ledger entry in one transaction. */
export async function registerVersion(
  postgres: Postgres,
  artifacts: ArtifactStore,
  registration: VersionRegistration,
): Promise<RegisteredVersion> {
  const manifest = await storeBundle(artifacts, registration);
  const digest = sha256Hex(canonicalJson(manifest));
  return postgres.transaction(async (tx) => {
    await lockModel(tx, registration.model);
    const [present] = await tx.query<{ version: number; digest: string }>(
      `SELECT version, digest FROM millrace.model_versions
       WHERE model = $1 AND (digest = $2 OR registration_key = $3) ORDER BY version LIMIT 1`,
      [registration.model, digest, registration.key ?? null],
    );
    if (present !== undefined) return { ...present, existed: true };
    const version = await insertVersion(tx, registration, manifest, digest);
    await appendLedger(tx, {
      model: registration.model,
      version,
      actor: registration.actor,
      action: 'register',
      reason: registration.reason,
      details: { digest, trigger: registration.lineage.trigger, dataCut: registration.lineage.dataCut },
    });
    return { version, digest, existed: false };
  });
}

async function storeBundle(artifacts: ArtifactStore, { model, files }: VersionRegistration): Promise<BundleManifest> {
  const stored = await Promise.all(
    Object.entries(files).map(async ([role, bytes]) => [role, (await artifacts.put(bytes)).sha256] as const),
  );
  return { format: 1, model, files: Object.fromEntries(stored) as unknown as BundleManifest['files'] };
}

async function insertVersion(
  tx: Queryable,
  registration: VersionRegistration,
  manifest: BundleManifest,
  digest: string,
): Promise<number> {
  const [inserted] = await tx.query<{ version: number }>(
    `INSERT INTO millrace.model_versions
       (model, version, digest, manifest, signature, metrics, lineage, registration_key, registered_by, reason)
     SELECT $1, coalesce(max(version), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9
     FROM millrace.model_versions WHERE model = $1
     RETURNING version`,
    [
      registration.model,
      digest,
      JSON.stringify(manifest),
      JSON.stringify(registration.signature),
      JSON.stringify(registration.metrics),
      JSON.stringify(registration.lineage),
      registration.key ?? null,
      registration.actor,
      registration.reason,
    ],
  );
  return (inserted as { version: number }).version;
}
