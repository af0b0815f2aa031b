import { isMillraceError } from '../src/core/millrace-error.ts';
import { createRegistry } from '../src/registry/registry.ts';
import { readChampion } from '../src/registry/read-champion.ts';
import type { RegisteredVersion } from '../src/registry/register-version.ts';
import { buildTrainingSet } from '../src/store/build-training-set.ts';
import { newestKnownTime } from '../src/store/offline-log.ts';
import { serviceDigest } from '../src/store/service-digest.ts';
import { readExportedColumns } from '../src/training/import/exported-columns.ts';
import { importModel, type ImportedBundle } from '../src/training/import/import-model.ts';
import { readModelFile } from '../src/training/import/read-model-file.ts';
import { artifactStoreOf } from './open-servers.ts';
import type { OpenModel } from './open-model.ts';

export interface ImportRequest {
  readonly file: string;
  readonly input: string | null;
  readonly output: string | null;
  /** What the graph gets in place of null; null: NaN. */
  readonly nullAs: number | null;
  /** Path of the columns.json of the rows that it learned from. */
  readonly columns: string | null;
  readonly threshold: number | null;
  /** Milliseconds since the epoch; null: what the columns say. */
  readonly trainedTo: number | null;
  readonly by: string;
  readonly reason: string;
}

/** The same file with the same data is the same version. @throws MillraceError MODEL_IMPORT_INVALID, MODEL_NOT_FOUND */
export async function importVersion(
  { model, program, plan, db, config }: OpenModel,
  request: ImportRequest,
): Promise<RegisteredVersion & Omit<ImportedBundle, 'files'>> {
  const { name } = model;
  const file = await readModelFile(name, request.file);
  const columns = request.columns === null ? null : await readExportedColumns(name, request.columns);
  const registry = createRegistry(db, artifactStoreOf(config));
  const built = await buildTrainingSet({ postgres: db }, { model, dataCut: null }).catch((error: unknown) => {
    if (isMillraceError(error) && error.code === 'TRAINING_NO_EXAMPLES') return null;
    throw error;
  });
  const sources = [model.examples.source, model.label.source, ...program.views.map(({ view }) => view.source)];
  const { files, ...bundle } = await importModel({
    plan: { ...plan, threshold: request.threshold ?? plan.threshold },
    service: {
      serviceDigest: serviceDigest(program),
      numericNames: program.numericNames,
      categoryNames: program.categoryNames,
    },
    file,
    input: request.input,
    output: request.output,
    nullAs: request.nullAs,
    encoders: columns,
    set: built?.trainingSet ?? null,
    dataCut: built?.dataCut ?? (await newestKnownTime(db, sources)) ?? 0,
    champion: await readChampion(registry, name),
    trainedTo: request.trainedTo ?? columns?.trainingTo ?? null,
    by: request.by,
    reason: request.reason,
  });
  const { signature, metrics, lineage } = bundle;
  const registered = await registry.registerVersion({
    model: name,
    files,
    signature,
    metrics,
    lineage,
    actor: request.by,
    reason: `import of ${file.name}: ${request.reason}`,
  });
  return { ...registered, ...bundle };
}
