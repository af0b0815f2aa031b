import type { Allocation } from '../contracts/allocation.ts';
import type { JsonValue } from '../core/json.ts';
import type { ArtifactStore } from '../infra/artifacts.ts';
import type { Postgres } from '../infra/postgres.ts';
import { appendLedger } from './append-ledger.ts';
import type { LoadedBundle, TensorBundle } from './bundle.ts';
import { championAt } from './champion-at.ts';
import { getAllocation, getAllocations } from './get-allocation.ts';
import { findVersionByKey, getVersion } from './get-version.ts';
import type { LedgerEntry, LedgerNote } from './ledger-entry.ts';
import { listLedger } from './list-ledger.ts';
import { listVersions } from './list-versions.ts';
import type { ModelVersion } from './model-version.ts';
import { previousChampion } from './previous-champion.ts';
import { readBundle } from './read-bundle.ts';
import { registerModel } from './register-model.ts';
import { registerVersion, type RegisteredVersion, type VersionRegistration } from './register-version.ts';
import { liveServing, reportServing, servingErrors, withdrawServing, type ServingReport } from './serving-status.ts';
import { setAllocation, type AllocationChange } from './set-allocation.ts';
import { assertJudged, listTensorModels, registerTensorModel } from './tensor-models.ts';
import { verifyLedger, type LedgerVerdict } from './verify-ledger.ts';

const LEDGER_LIMIT_DEFAULT = 100;

/** Models, versions, allocations and the ledger of every change. All of it is in Postgres; files are artifacts. */
export interface Registry {
  /** Makes a model known, or replaces its definition. */
  registerModel(name: string, definition: JsonValue): Promise<void>;
  listModels(): Promise<string[]>;
  /** Makes a model without a feature service known. @throws MillraceError MODEL_IMPORT_INVALID where a project's has the name */
  registerTensorModel(name: string): Promise<void>;
  /** Models without a feature service. */
  listTensorModels(): Promise<string[]>;
  /** Whether a rollout could judge the model's versions. @throws MillraceError REQUEST_INVALID */
  assertJudged(model: string, version: number): Promise<void>;
  /** The same bundle, or the same key, twice gives one version. @throws MillraceError MODEL_NOT_FOUND */
  registerVersion(registration: VersionRegistration): Promise<RegisteredVersion>;
  /** @throws MillraceError MODEL_VERSION_NOT_FOUND */
  getVersion(model: string, version: number): Promise<ModelVersion>;
  findVersionByKey(model: string, key: string): Promise<ModelVersion | null>;
  /** Newest first. */
  listVersions(model: string): Promise<ModelVersion[]>;
  /** Every file checked against its digest. @throws MillraceError MODEL_VERSION_NOT_FOUND, MODEL_BUNDLE_CORRUPT */
  readBundle(model: string, version: number): Promise<LoadedBundle>;
  /** Of a model without a feature service. */
  readTensorBundle(model: string, version: number): Promise<TensorBundle>;
  getAllocation(model: string): Promise<Allocation | null>;
  /** By model, in one round trip; those without one are not there. */
  getAllocations(models: readonly string[]): Promise<ReadonlyMap<string, Allocation>>;
  /** Compare-and-set. @throws MillraceError REGISTRY_REVISION_CONFLICT, MODEL_VERSION_NOT_FOUND, MODEL_NOT_FOUND */
  setAllocation(change: AllocationChange): Promise<Allocation>;
  /** The champion before the present one that was not rolled back, or null. */
  previousChampion(model: string): Promise<number | null>;
  /** What was champion at a moment, ms since the epoch. */
  championAt(model: string, time: number): Promise<number | null>;
  recordLedger(note: LedgerNote): Promise<LedgerEntry>;
  /** Newest first; of all models where none is named. */
  ledger(model?: string | null, limit?: number): Promise<LedgerEntry[]>;
  verifyLedger(): Promise<LedgerVerdict>;
  /** Serving processes call it at every change and every few seconds: silence for SERVING_SILENCE_MS counts as gone. */
  reportServing(report: ServingReport): Promise<void>;
  withdrawServing(process: string): Promise<void>;
  /** Reports of the processes that are alive. */
  liveServing(model: string): Promise<Required<ServingReport>[]>;
  /** Failed answers of a version by process, as last reported, of processes that fell silent too. */
  servingErrors(model: string, version: number): Promise<Record<string, number>>;
}

export function createRegistry(postgres: Postgres, artifacts: ArtifactStore): Registry {
  return {
    registerModel: (name, definition) => registerModel(postgres, name, definition),
    listModels: async () =>
      (await postgres.query<{ name: string }>('SELECT name FROM millrace.models ORDER BY name')).map((row) => row.name),
    registerTensorModel: (name) => registerTensorModel(postgres, name),
    listTensorModels: () => listTensorModels(postgres),
    assertJudged: (model, version) => assertJudged(postgres, model, version),
    registerVersion: (registration) => registerVersion(postgres, artifacts, registration),
    getVersion: (model, version) => getVersion(postgres, model, version),
    findVersionByKey: (model, key) => findVersionByKey(postgres, model, key),
    listVersions: (model) => listVersions(postgres, model),
    readBundle: (model, version) => readBundle<LoadedBundle>(postgres, artifacts, model, version),
    readTensorBundle: (model, version) => readBundle<TensorBundle>(postgres, artifacts, model, version),
    getAllocation: (model) => getAllocation(postgres, model),
    getAllocations: (models) => getAllocations(postgres, models),
    setAllocation: (change) => setAllocation(postgres, change),
    previousChampion: (model) => previousChampion(postgres, model),
    championAt: (model, time) => championAt(postgres, model, time),
    recordLedger: (note) => postgres.transaction((tx) => appendLedger(tx, note)),
    ledger: (model = null, limit = LEDGER_LIMIT_DEFAULT) => listLedger(postgres, model, limit),
    verifyLedger: () => verifyLedger(postgres),
    reportServing: (report) => reportServing(postgres, report),
    withdrawServing: (process) => withdrawServing(postgres, process),
    liveServing: (model) => liveServing(postgres, model),
    servingErrors: (model, version) => servingErrors(postgres, model, version),
  };
}
