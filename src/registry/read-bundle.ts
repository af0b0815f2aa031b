import {
  graphRoleOf,
  type BundleRole,
  type GraphRole,
  type Lineage,
  type RecordRole,
  type ReferenceProfile,
  type VersionMetrics,
} from '../contracts/model-bundle.ts';
import { canonicalJson } from '../core/json.ts';
import { messageOf, MillraceError } from '../core/millrace-error.ts';
import { sha256Hex, type ArtifactStore } from '../infra/artifacts.ts';
import type { Queryable } from '../infra/postgres.ts';
import type { BundleFiles, GraphFile, LoadedBundle, TensorBundle } from './bundle.ts';
import { getVersion } from './get-version.ts';
import type { ModelVersion } from './model-version.ts';

/**
 * Reads a version's files and checks each against the manifest, and the manifest against the digest.
 * @throws MillraceError MODEL_VERSION_NOT_FOUND, MODEL_BUNDLE_CORRUPT naming the file
 */
export async function readBundle<Bundle extends LoadedBundle | TensorBundle>(
  db: Queryable,
  artifacts: ArtifactStore,
  model: string,
  version: number,
): Promise<Bundle> {
  const found = await getVersion(db, model, version);
  const digest = sha256Hex(canonicalJson(found.manifest));
  if (digest !== found.digest) {
    throw corrupt(found, 'the manifest', `its digest is ${digest}, registered was ${found.digest}`);
  }
  const files = await readFiles(artifacts, found);
  const json = <T>(role: RecordRole): T => parse<T>(found, role, files[role]);
  const bundle = {
    model,
    version,
    digest,
    manifest: found.manifest,
    graph: graphOf(artifacts, found, files),
    signature: json<Bundle['signature']>('signature.json'),
    referenceProfile: json<ReferenceProfile>('reference-profile.json'),
    goldenBatch: json<Bundle['goldenBatch']>('golden-batch.json'),
    metrics: json<VersionMetrics>('metrics.json'),
    lineage: json<Lineage>('lineage.json'),
  };
  return bundle as LoadedBundle | TensorBundle as Bundle;
}

async function readFiles(artifacts: ArtifactStore, version: ModelVersion): Promise<BundleFiles> {
  const read = await Promise.all(
    Object.entries(version.manifest.files).map(async ([role, sha256]) => {
      const bytes = await artifacts.get(sha256).catch((cause: unknown) => {
        throw corrupt(version, `file '${role}'`, messageOf(cause), cause);
      });
      return [role, bytes] as const;
    }),
  );
  return Object.fromEntries(read) as unknown as BundleFiles;
}

function graphOf(artifacts: ArtifactStore, version: ModelVersion, files: BundleFiles): GraphFile<GraphRole> {
  const role = graphRoleOf(files);
  if (role === undefined) throw corrupt(version, 'the manifest', `expected one graph, its files are ${Object.keys(files).join(', ')}`);
  const sha256 = version.manifest.files[role] as string;
  return { role, bytes: files[role] as Uint8Array, path: artifacts.path(sha256), sha256 };
}

function parse<T>(version: ModelVersion, role: BundleRole, bytes: Uint8Array): T {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as T;
  } catch (cause) {
    throw corrupt(version, `file '${role}'`, `it is not JSON (${messageOf(cause)})`, cause);
  }
}

function corrupt(version: ModelVersion, what: string, why: string, cause?: unknown): MillraceError {
  return new MillraceError(
    'MODEL_BUNDLE_CORRUPT',
    `Bundle of model '${version.model}' version ${version.version}: ${what} cannot be trusted: ${why}`,
    { cause },
  );
}
