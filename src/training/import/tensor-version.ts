import { createHash } from 'node:crypto';
import type { GraphRole, Lineage, ModelGraph, VersionMetrics } from '../../contracts/model-bundle.ts';
import type { TensorSpec } from '../../contracts/tensor.ts';
import type { GoldenTensors, TensorSignature } from '../../contracts/tensor-signature.ts';
import type { BundleFiles } from '../../registry/bundle.ts';
import { bundleFiles } from '../bundle-files.ts';
import { EXPORT_DIFFERENCE_MAX } from '../check-export.ts';
import { MODEL_BATCH_ROWS_MAX } from '../training-plan.ts';
import type { GraphHeader } from './opened-graph.ts';
import type { TensorProbe } from './try-tensors.ts';

/** A version of a model without a feature service, ready to be registered. */
export interface ImportedTensors {
  readonly files: BundleFiles;
  readonly signature: TensorSignature;
  readonly metrics: VersionMetrics;
  readonly lineage: Lineage;
  readonly notes: readonly string[];
}

export interface TensorVersionParts {
  readonly model: string;
  /** Name of the file that it came from. */
  readonly file: string;
  readonly by: string;
  readonly reason: string;
  readonly graph: ModelGraph<GraphRole>;
  readonly header: GraphHeader;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly probe: TensorProbe;
  readonly notes: readonly string[];
}

export function tensorVersion({ model, file, by, reason, graph, header, inputs, outputs, probe, notes }: TensorVersionParts): ImportedTensors {
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
  const sha256 = createHash('sha256').update(graph.bytes).digest('hex');
  const lineage: Lineage = {
    trigger: 'import',
    reason,
    ...noTraining,
    imported: { file, sha256, bytes: graph.bytes.length, by, ...header, trainedTo: null },
  };
  const goldenBatch: GoldenTensors = { tensors: probe.tensors, tolerance: EXPORT_DIFFERENCE_MAX };
  const profile = { columns: [], usualPsi: {} };
  return { files: bundleFiles({ graph, signature, profile, goldenBatch, metrics, lineage }), signature, metrics, lineage, notes };
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
