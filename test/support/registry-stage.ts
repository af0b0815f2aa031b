import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Lineage, ModelSignature, SliceMetrics, VersionMetrics } from '../../src/contracts/model-bundle.ts';
import { createArtifactStore, type ArtifactStore } from '../../src/infra/artifacts.ts';
import { createLogger } from '../../src/infra/logger.ts';
import { migrate } from '../../src/infra/migrate.ts';
import { createPostgres, type Postgres } from '../../src/infra/postgres.ts';
import type { BundleFiles } from '../../src/registry/bundle.ts';
import type { VersionRegistration } from '../../src/registry/register-version.ts';
import { createRegistry, type Registry } from '../../src/registry/registry.ts';
import { createTestDatabase } from './test-stack.ts';

export const migrationsDirectory = fileURLToPath(new URL('../../migrations', import.meta.url));

export interface RegistryStage {
  readonly postgres: Postgres;
  readonly artifacts: ArtifactStore;
  readonly registry: Registry;
  close(): Promise<void>;
}

/** A migrated database of its own, an artifact store, and a registry over both. */
export async function openRegistryStage(): Promise<RegistryStage> {
  const database = await createTestDatabase();
  const directory = await mkdtemp(join(tmpdir(), 'millrace-artifacts-'));
  const postgres = createPostgres({ url: database.url, applicationName: 'test', logger: createLogger('test', 'silent') });
  await migrate(postgres, migrationsDirectory);
  const artifacts = createArtifactStore(directory);
  return {
    postgres,
    artifacts,
    registry: createRegistry(postgres, artifacts),
    async close() {
      await postgres.close();
      await database.drop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const slice: SliceMetrics = {
  slice: 'overall',
  rows: 1_000,
  positives: 230,
  auc: 0.77,
  logLoss: 0.45,
  brier: 0.15,
  calibrationError: 0.01,
  meanScore: 0.23,
  baseRate: 0.23,
};

/** A registration whose bundle differs by `seed` alone. */
export function someVersion(model: string, seed: number, changes: Partial<VersionRegistration> = {}): VersionRegistration {
  const signature: ModelSignature = {
    model,
    task: 'binary_classification',
    featureService: 'service',
    serviceDigest: 'digest',
    viewVersions: {},
    numericNames: ['delay', 'distance'],
    categories: [{ name: 'carrier', vocabulary: ['AA', 'UA'] }],
    batchRowsMax: 512,
    threshold: 0.5,
  };
  const metrics: VersionMetrics = {
    candidate: { overall: slice, byMonth: [], bySegment: {} },
    champion: null,
    championVersion: null,
    exportParity: 1e-7,
  };
  const lineage: Lineage = {
    trigger: 'manual',
    reason: 'test',
    dataCut: 1_000 * seed,
    trainingFrom: 0,
    trainingTo: 1,
    holdoutFrom: 1,
    trainingRows: 1_000,
    holdoutRows: 100,
    backend: 'cpu',
    trainer: {},
    seed,
    durationsMs: {},
  };
  const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const column = { values: [], nulls: 0, rows: 100 };
  const files: BundleFiles = {
    'model.onnx': bytes({ seed }),
    'signature.json': bytes(signature),
    'reference-profile.json': bytes({
      columns: [
        { ...column, name: 'delay', kind: 'number', edges: [0, 10], counts: [30, 40, 30] },
        { ...column, name: 'distance', kind: 'number', edges: [500], counts: [50, 50] },
        { ...column, name: 'carrier', kind: 'category', edges: [], values: ['AA', 'UA'], counts: [50, 50, 0] },
        { ...column, name: 'score', kind: 'score', edges: [0.2, 0.5], counts: [50, 30, 20] },
      ],
      usualPsi: { delay: 0.1, distance: 0, carrier: 0, score: 0.05 },
    }),
    'golden-batch.json': bytes({ rows: 0, columns: 3, features: '', scores: [], tolerance: 1e-6 }),
    'metrics.json': bytes(metrics),
    'lineage.json': bytes(lineage),
  };
  return { model, files, metrics, lineage, signature, actor: 'tester', reason: 'test', ...changes };
}
