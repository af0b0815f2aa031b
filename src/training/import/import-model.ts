import { createHash } from 'node:crypto';
import type { CategoryEncoder, ImportedFile, Lineage, ModelSignature, ReferenceProfile, VersionMetrics } from '../../contracts/model-bundle.ts';
import type { TrainingSet } from '../../contracts/training-set.ts';
import { isMillraceError } from '../../core/millrace-error.ts';
import type { BundleFiles } from '../../registry/bundle.ts';
import { bundleFiles } from '../bundle-files.ts';
import type { Champion } from '../champion.ts';
import { modelInput } from '../encode-examples.ts';
import { createGoldenBatch } from '../golden-batch.ts';
import { profileTraining } from '../reference-profile.ts';
import { scoreGraph } from '../score-graph.ts';
import { splitByTime, type TimeSplit } from '../split-by-time.ts';
import type { TrainingPlan } from '../training-plan.ts';
import { evaluateImported } from './evaluate-imported.ts';
import { examineGraph } from './examine-graph.ts';
import { importInvalid } from './import-problem.ts';
import { probeRows } from './probe-rows.ts';
import type { ModelFile } from './read-model-file.ts';

/** What imported versions have where trained ones name a backend. */
const BACKEND = 'imported';

/** What a row of the model's feature service is. */
export interface ServiceColumns {
  readonly serviceDigest: string;
  readonly numericNames: readonly string[];
  readonly categoryNames: readonly string[];
}

export interface ImportOptions {
  /** Of the model, with the versions of views that its rows are made of. */
  readonly plan: TrainingPlan;
  readonly service: ServiceColumns;
  readonly file: ModelFile;
  /** Names in the graph; null: the only one that can be meant. */
  readonly input: string | null;
  readonly output: string | null;
  /** What the graph gets in place of null; null: NaN, which it imputes. */
  readonly nullAs: number | null;
  /** How its categories are coded; null: it came with nothing that says so. */
  readonly encoders: { readonly serviceDigest: string; readonly categories: readonly CategoryEncoder[] } | null;
  /** Labelled examples as of the data cut; null where there are none. */
  readonly set: TrainingSet | null;
  readonly dataCut: number;
  readonly champion: Champion | null;
  /** Decision time of the newest example that it learned from, ms since the epoch; null: not known. */
  readonly trainedTo: number | null;
  readonly by: string;
  readonly reason: string;
}

export interface ImportedBundle {
  readonly files: BundleFiles;
  readonly signature: ModelSignature;
  readonly metrics: VersionMetrics;
  readonly lineage: Lineage;
  /** What whoever imports should know: why it was not evaluated, or how little that says. */
  readonly notes: readonly string[];
}

/**
 * Makes a version of a model out of a file that was trained elsewhere. The file stays as it is; the bundle says which
 * of its tensors are the row and the score. Where labelled examples are there, it is evaluated on the hold-out as a trained version
 * would be, and profiled.
 * @throws MillraceError MODEL_IMPORT_INVALID, TRAINING_SET_CORRUPT
 */
export async function importModel(options: ImportOptions): Promise<ImportedBundle> {
  const { plan, service, file, set, dataCut } = options;
  const categories = encodersOf(options);
  const { numericNames } = service;
  const width = numericNames.length + categories.length;
  const notes: string[] = [];
  const split = set === null ? noExamples(notes) : splitOrNote(set, plan, dataCut, notes);
  const real = set === null || split === null ? null : modelInput(set, { numericNames, categories }, split.holdout);
  const probe = probeRows(real, { numericNames, categories }, plan.seed);
  const wanted = { columns: width, input: options.input, output: options.output, nullAs: options.nullAs };
  const { header, tensors, scores } = await examineGraph(plan.model, file, wanted, probe);
  const signature: ModelSignature = {
    model: plan.model,
    task: plan.task,
    featureService: plan.featureService,
    serviceDigest: service.serviceDigest,
    viewVersions: plan.viewVersions,
    ...(Object.keys(plan.onDemand).length === 0 ? {} : { onDemand: plan.onDemand }),
    numericNames,
    categories,
    batchRowsMax: plan.batchRowsMax,
    threshold: plan.threshold,
    tensors,
  };
  const scoreRows = (rows: Uint32Array): Promise<Float32Array> =>
    scoreGraph(file, modelInput(set as TrainingSet, signature, rows) as Float32Array, width, tensors).catch((error: unknown) => {
      throw unscored(options, set as TrainingSet, rows, error);
    });
  let profile: ReferenceProfile = { columns: [], usualPsi: {} };
  let metrics: VersionMetrics = { candidate: null, champion: null, championVersion: null, exportParity: null };
  if (set !== null && split !== null) {
    metrics = await evaluateImported({ ...options, set }, split.holdout, scoreRows, notes);
    profile = profileTraining(set, split.all, await scoreRows(split.all), plan.monitorWindowMs);
  }
  const { trainedTo, by } = options;
  const sha256 = createHash('sha256').update(file.bytes).digest('hex');
  const imported: ImportedFile = { file: file.name, sha256, bytes: file.bytes.length, by, ...header, trainedTo };
  const lineage = describeImport(options, split, imported);
  const goldenBatch = createGoldenBatch(probe.features, scores);
  const files = bundleFiles({ graph: file, signature, profile, goldenBatch, metrics, lineage });
  return { files, signature, metrics, lineage, notes };
}

/** @throws MillraceError MODEL_IMPORT_INVALID */
function encodersOf({ plan, service, file, encoders }: ImportOptions): readonly CategoryEncoder[] {
  const names = service.categoryNames.map((name) => `'${name}'`).join(', ');
  if (encoders === null) {
    if (service.categoryNames.length === 0) return [];
    throw importInvalid(plan.model, file.name, [
      `its feature service has categories (${names}), and nothing says how the model has them coded: give the columns.json of the rows that it learned from`,
    ]);
  }
  if (encoders.serviceDigest !== service.serviceDigest) {
    throw importInvalid(plan.model, file.name, [
      `its rows were exported with feature service ${encoders.serviceDigest}, the present one is ${service.serviceDigest}: export the rows again and train on them`,
    ]);
  }
  return service.categoryNames.map((name) => {
    const found = encoders.categories.find((encoder) => encoder.name === name);
    if (found !== undefined) return found;
    throw importInvalid(plan.model, file.name, [`columns.json does not have the categories of the feature service (${names})`]);
  });
}

function noExamples(notes: string[]): null {
  notes.push('no labelled examples are known: it was not evaluated, and drift has nothing to be compared with');
  return null;
}

function splitOrNote(set: TrainingSet, plan: TrainingPlan, dataCut: number, notes: string[]): TimeSplit | null {
  try {
    return splitByTime(set, plan, dataCut);
  } catch (error) {
    if (!isMillraceError(error) || error.code !== 'TRAINING_DATA_INSUFFICIENT') throw error;
    notes.push(`it was not evaluated, and drift has nothing to be compared with: ${error.message}`);
    return null;
  }
}

/** The probe may miss the one row whose numbers a graph divides by zero. */
function unscored({ plan, file }: ImportOptions, set: TrainingSet, rows: Uint32Array, error: unknown): unknown {
  if (!isMillraceError(error) || error.code !== 'SERVING_SCORE_INVALID') return error;
  const example = set.exampleIds[rows[error.details.row as number] as number];
  return importInvalid(plan.model, file.name, [`example '${example}' gets a score that is not a finite number: mend it in the graph (${error.message})`]);
}

function describeImport({ plan, set, dataCut, trainedTo, reason }: ImportOptions, split: TimeSplit | null, imported: ImportedFile): Lineage {
  const first = split?.all[0];
  return {
    trigger: 'import',
    reason,
    dataCut,
    trainingFrom: first === undefined || set === null ? dataCut : (set.decisionTimes[first] as number),
    // What it may have seen counts as seen: a later version is compared with it on what came after.
    trainingTo: trainedTo ?? dataCut,
    holdoutFrom: split?.holdoutFrom ?? dataCut,
    // Millrace does not know what it learned from.
    trainingRows: 0,
    holdoutRows: split?.holdout.length ?? 0,
    backend: BACKEND,
    trainer: {},
    seed: plan.seed,
    durationsMs: {},
    imported,
  };
}
