import { createHash } from 'node:crypto';
import type { Lineage, VersionMetrics } from '../../contracts/model-bundle.ts';
import { elementCount, type Tensor, type TensorSpec } from '../../contracts/tensor.ts';
import type { GoldenTensors, TensorSignature } from '../../contracts/tensor-signature.ts';
import { messageOf } from '../../core/millrace-error.ts';
import { tensorDifference, toGolden } from '../../registry/golden-tensors.ts';
import type { BundleFiles } from '../../registry/bundle.ts';
import { bundleFiles } from '../bundle-files.ts';
import { EXPORT_DIFFERENCE_MAX } from '../check-export.ts';
import { MODEL_BATCH_ROWS_MAX } from '../training-plan.ts';
import { findSpecs, mayShareRuns } from './find-specs.ts';
import { importInvalid } from './import-problem.ts';
import { openGraph } from './open-graph.ts';
import type { OpenGraph } from './opened-graph.ts';
import { probeTensors, rowOf } from './probe-tensors.ts';
import type { ModelFile } from './read-model-file.ts';

/** Rows of the probe: enough to see whether they depend on one another. */
const PROBE_ROWS = 3;
/** Elements of a golden batch; larger ones are not kept. */
const GOLDEN_ELEMENTS_MAX = 1_000_000;

export interface ImportTensorsOptions {
  readonly model: string;
  readonly file: ModelFile;
  readonly by: string;
  readonly reason: string;
}

export interface ImportedTensors {
  readonly files: BundleFiles;
  readonly signature: TensorSignature;
  readonly metrics: VersionMetrics;
  readonly lineage: Lineage;
  readonly notes: readonly string[];
}

/**
 * Makes a version of a model without a feature service out of a file: what it takes and answers are the graph's own tensors.
 * @throws MillraceError MODEL_IMPORT_INVALID with all that is wrong
 */
export async function importTensors({ model, file, by, reason }: ImportTensorsOptions): Promise<ImportedTensors> {
  const graph = await openGraph(model, file);
  const notes: string[] = [];
  try {
    const problems: string[] = [];
    const inputs = findSpecs('input', graph.inputs, problems);
    const outputs = findSpecs('output', graph.outputs, problems);
    if (problems.length > 0) throw importInvalid(model, file.name, problems);
    const mayShare = mayShareRuns(graph.inputs, graph.outputs);
    const probe = await tryTensors(graph, { inputs, outputs }, mayShare, notes);
    const signature: TensorSignature = {
      model,
      task: 'tensors',
      inputs,
      outputs,
      batched: probe.batched,
      batchRowsMax: probe.batched ? MODEL_BATCH_ROWS_MAX : 1,
      viewVersions: {},
    };
    const metrics: VersionMetrics = { candidate: null, champion: null, championVersion: null, exportParity: null };
    const sha256 = createHash('sha256').update(file.bytes).digest('hex');
    const lineage: Lineage = {
      trigger: 'import',
      reason,
      ...noTraining,
      imported: { file: file.name, sha256, bytes: file.bytes.length, by, ...graph.header, trainedTo: null },
    };
    const goldenBatch: GoldenTensors = { tensors: probe.tensors, tolerance: EXPORT_DIFFERENCE_MAX };
    const profile = { columns: [], usualPsi: {} };
    return { files: bundleFiles({ graph: file, signature, profile, goldenBatch, metrics, lineage }), signature, metrics, lineage, notes };
  } finally {
    await graph.release();
  }
}

const noTraining = {
  dataCut: 0,
  trainingFrom: 0,
  trainingTo: 0,
  holdoutFrom: 0,
  trainingRows: 0,
  holdoutRows: 0,
  backend: 'imported',
  trainer: {},
  seed: 0,
  durationsMs: {},
} as const;

interface Probe {
  readonly batched: boolean;
  readonly tensors: GoldenTensors['tensors'];
}

/** Runs made inputs: what they give is the golden batch, and shows whether rows may share a run. */
async function tryTensors(
  graph: OpenGraph,
  specs: { readonly inputs: readonly TensorSpec[]; readonly outputs: readonly TensorSpec[] },
  mayShare: boolean,
  notes: string[],
): Promise<Probe> {
  const names = specs.outputs.map(({ name }) => name);
  const run = (inputs: readonly Tensor[]): Promise<Tensor[]> => graph.run(inputs, names);
  const inputs = probeTensors(specs.inputs, mayShare ? PROBE_ROWS : 1);
  try {
    const outputs = await run(inputs);
    const dependence = mayShare ? await rowDependence(run, inputs, outputs) : 'its first dimensions are not rows, open and the same in all inputs';
    if (dependence !== null) notes.push(`requests run one at a time: ${dependence}`);
    const elements = [...inputs, ...outputs].reduce((sum, { shape }) => sum + elementCount(shape), 0);
    if (elements > GOLDEN_ELEMENTS_MAX) notes.push(`no golden batch is kept: ${elements} elements, at most ${GOLDEN_ELEMENTS_MAX} are`);
    const tensors = elements > GOLDEN_ELEMENTS_MAX ? null : { inputs: inputs.map(toGolden), outputs: outputs.map(toGolden) };
    return { batched: dependence === null, tensors };
  } catch (error) {
    notes.push(`it fails on made inputs (${messageOf(error)}): requests run one at a time, and no golden batch is kept`);
    return { batched: false, tensors: null };
  }
}

/** Why rows may not share a run, or null: each must answer alone what it answers among others. */
async function rowDependence(
  run: (inputs: readonly Tensor[]) => Promise<Tensor[]>,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
): Promise<string | null> {
  const odd = outputs.find(({ shape }) => shape[0] !== PROBE_ROWS);
  if (odd !== undefined) return `output '${odd.name}' answers ${PROBE_ROWS} rows with shape [${odd.shape.join(', ')}]`;
  for (let row = 0; row < PROBE_ROWS; row++) {
    const alone = await run(rowOf(inputs, row));
    for (const [i, expected] of rowOf(outputs, row).entries()) {
      const difference = tensorDifference(expected, alone[i], EXPORT_DIFFERENCE_MAX);
      if (difference !== null) return `alone a row gives another answer than among others (${difference})`;
    }
  }
  return null;
}
