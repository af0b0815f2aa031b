import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TrainingSet } from '../../contracts/training-set.ts';
import { modelInput } from '../encode-examples.ts';
import { fitEncoding } from '../feature-encoding.ts';
import { splitByTime } from '../split-by-time.ts';
import type { TrainingPlan } from '../training-plan.ts';
import { COLUMNS_FILE, type ExportedColumns } from './exported-columns.ts';
import { writeNpy } from './write-npy.ts';

/** Values of the column `part`: rows in the gap, or whose label came too late to be learned from, are in neither. */
const parts = { neither: 0, training: 1, holdout: 2 } as const;

/**
 * Writes a training set for whoever trains elsewhere: a folder of NumPy files, one a column, and `columns.json`, which
 * an import of the model takes back. Categories are coded by what occurs in the training part, as Millrace's own
 * training does.
 * @throws MillraceError TRAINING_DATA_INSUFFICIENT, TRAINING_SET_CORRUPT
 */
export async function exportTrainingSet(
  set: TrainingSet,
  plan: TrainingPlan,
  dataCut: number,
  folder: string,
): Promise<ExportedColumns> {
  const split = splitByTime(set, plan, dataCut);
  const { numericNames } = set;
  const { categories } = fitEncoding(set, split.training);
  const part = new Float32Array(set.rows).fill(parts.neither);
  for (const row of split.training) part[row] = parts.training;
  for (const row of split.holdout) part[row] = parts.holdout;
  const everyRow = Uint32Array.from({ length: set.rows }, (_, row) => row);
  const features = modelInput(set, { numericNames, categories }, everyRow) as Float32Array;
  const columns: ExportedColumns = {
    format: 1,
    model: plan.model,
    featureService: plan.featureService,
    serviceDigest: set.serviceDigest,
    viewVersions: plan.viewVersions,
    rows: set.rows,
    dataCut,
    trainingTo: set.decisionTimes[split.training.at(-1) as number] as number,
    holdoutFrom: split.holdoutFrom,
    numericNames: [...numericNames],
    categories: categories.map(({ name, vocabulary }) => ({ name, vocabulary: [...vocabulary] })),
  };
  await mkdir(folder, { recursive: true });
  const write = (name: string, values: Float32Array | Float64Array, shape = [set.rows]): Promise<void> =>
    writeNpy(path.join(folder, `${name}.npy`), values, shape);
  await write('features', features, [set.rows, numericNames.length + categories.length]);
  await write('label', set.labels);
  await write('decision_time', set.decisionTimes);
  await write('label_time', set.labelKnownTimes);
  await write('part', part);
  await writeFile(path.join(folder, COLUMNS_FILE), `${JSON.stringify(columns, null, 2)}\n`);
  return columns;
}
