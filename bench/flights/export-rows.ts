import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { newYorkMonth } from '../../examples/flights/new-york-time.ts';
import { encodeCategories } from '../../src/contracts/encode-categories.ts';
import type { TrainingSet } from '../../src/contracts/training-set.ts';
import { createArtifactStore } from '../../src/infra/artifacts.ts';
import { quoteIdentifier } from '../../src/infra/postgres.ts';
import { createRegistry } from '../../src/registry/registry.ts';
import { buildTrainingSet } from '../../src/store/build-training-set.ts';
import { scoreGraph } from '../../src/training/score-graph.ts';
import { CategoryCodes } from './category-codes.ts';
import type { ConnectedRun } from './connect-run.ts';
import { writeNpy } from '../../src/training/import/write-npy.ts';

/** Decisions that one statement answers; bounds what the driver holds. */
const PAGE_ROWS = 20_000;

/** Columns by name; `features` is a matrix of rows. */
type Columns = Readonly<Record<string, Float32Array | Float64Array>>;

export interface ExportedRows {
  readonly trainingRows: number;
  readonly servedRows: number;
  /** Names of the columns that hold category codes: `f44` and so on. */
  readonly categorical: readonly string[];
}

/**
 * Writes two tables of `.npy` columns: `training`, the rows of all labelled examples as the training would read them
 * now, and `served`, the rows of all decisions with a label, what was answered, and what the frozen version answers.
 */
export async function exportRows(
  run: ConnectedRun,
  folder: string,
  frozenVersion: number,
): Promise<ExportedRows> {
  const { trainingSet } = await buildTrainingSet(
    { postgres: run.postgres },
    { model: run.model, dataCut: null },
  );
  const codes = new CategoryCodes(trainingSet.categories);
  const width = trainingSet.numericNames.length + codes.count;
  await writeTable(path.join(folder, 'training'), trainingSet.rows, trainingColumns(trainingSet, width));
  const served = await readServed(run, codes, width, frozenVersion);
  await writeTable(path.join(folder, 'served'), served['label']?.length ?? 0, served);
  return {
    trainingRows: trainingSet.rows,
    servedRows: served['label']?.length ?? 0,
    categorical: Array.from({ length: codes.count }, (_, i) => `f${trainingSet.numericNames.length + i}`),
  };
}

async function writeTable(folder: string, rows: number, columns: Columns): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, values] of Object.entries(columns)) {
    const shape = name === 'features' ? [rows, rows === 0 ? 0 : values.length / rows] : [rows];
    await writeNpy(path.join(folder, `${name}.npy`), values, shape);
  }
}

function trainingColumns(set: TrainingSet, width: number): Columns {
  const numbers = set.numericNames.length;
  const features = new Float32Array(set.rows * width);
  for (let row = 0; row < set.rows; row++) {
    features.set(set.numbers.subarray(row * numbers, (row + 1) * numbers), row * width);
    set.categories.forEach(({ codes }, i) => {
      const code = codes[row] as number;
      features[row * width + numbers + i] = code < 0 ? NaN : code;
    });
  }
  return {
    features,
    label: set.labels,
    month: Float32Array.from(set.decisionTimes, newYorkMonth),
    decision_time: set.decisionTimes,
    label_time: set.labelKnownTimes,
  };
}

type ServedRow = [
  seq: string,
  asOf: number,
  version: number,
  score: number,
  numbers: Uint8Array,
  categories: (string | null)[],
  label: boolean,
  labelTime: number,
];

async function readServed(
  run: ConnectedRun,
  codes: CategoryCodes,
  width: number,
  frozenVersion: number,
): Promise<Columns> {
  const registry = createRegistry(
    run.postgres,
    createArtifactStore(path.join(run.config.dataDir, 'artifacts')),
  );
  const { graph, signature } = await registry.readBundle(run.model.name, frozenVersion);
  const numbers = width - codes.count;
  const pages: ServedRow[][] = [];
  for (let after = '0'; ;) {
    const page = await readPage(run, after);
    const last = page.at(-1);
    if (last === undefined) break;
    pages.push(page);
    after = last[0];
  }
  const rows = pages.flat();
  const features = new Float32Array(rows.length * width);
  const inputs = new Float32Array(rows.length * width);
  rows.forEach(([, , , , bytes, categories], row) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < numbers; i++) features[row * width + i] = view.getFloat32(i * 4, true);
    inputs.set(features.subarray(row * width, row * width + numbers), row * width);
    for (let i = 0; i < codes.count; i++)
      features[row * width + numbers + i] = codes.codeOf(i, categories[i] ?? null);
    encodeCategories(signature.categories, categories, inputs, row * width + numbers);
  });
  return {
    features,
    label: Float32Array.from(rows, (row) => (row[6] ? 1 : 0)),
    month: Float32Array.from(rows, (row) => newYorkMonth(row[1])),
    decision_time: Float64Array.from(rows, (row) => row[1]),
    label_time: Float64Array.from(rows, (row) => row[7]),
    version: Float32Array.from(rows, (row) => row[2]),
    score: Float64Array.from(rows, (row) => row[3]),
    frozen_score: await scoreGraph(graph, inputs, width, signature.tensors),
  };
}

/** An example that was asked for twice counts each time: each answer was served. */
async function readPage(run: ConnectedRun, after: string): Promise<ServedRow[]> {
  const { label } = run.model;
  const rows = await run.postgres.queryArrays(
    `SELECT d.seq::text, (extract(epoch from d.as_of) * 1000)::float8, d.version, d.score, d.numbers, d.body->'categories',
            l.${quoteIdentifier(label.value)}, (extract(epoch from l.known_time) * 1000)::float8
       FROM millrace.decisions d
       JOIN log.${quoteIdentifier(label.source.name)} l ON l.${quoteIdentifier(label.id)} = d.example_id
      WHERE d.model = $1 AND d.seq > $2 AND l.${quoteIdentifier(label.value)} IS NOT NULL
      ORDER BY d.seq LIMIT ${PAGE_ROWS}`,
    [run.model.name, after],
  );
  return rows as ServedRow[];
}
