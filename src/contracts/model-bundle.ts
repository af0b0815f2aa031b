import type { JsonValue } from '../core/json.ts';
import type { GraphTensors } from './graph-tensors.ts';

/** Maps category values to codes: 0 is null, 1 is any value that training did not see, then the vocabulary. */
export interface CategoryEncoder {
  readonly name: string;
  readonly vocabulary: readonly string[];
}

/**
 * What goes into a model and what comes out. The model takes one float32 tensor `features` of shape
 * [rows, numericNames.length + categories.length]: the numbers (null is NaN; the graph imputes and
 * scales), then one code per category. It answers one float32 tensor `score` of shape [rows]. A graph that
 * was imported has names and an output of its own, which `tensors` maps to these.
 */
export interface ModelSignature {
  readonly model: string;
  readonly task: 'binary_classification';
  readonly featureService: string;
  readonly serviceDigest: string;
  /** View name -> version that the rows were made with. */
  readonly viewVersions: Readonly<Record<string, number>>;
  /** On-demand feature -> what it is made of, its code aside; absent: there are none, or an earlier release signed. */
  readonly onDemand?: Readonly<Record<string, JsonValue>>;
  readonly numericNames: readonly string[];
  readonly categories: readonly CategoryEncoder[];
  readonly batchRowsMax: number;
  /** Scores at or above it are answered as the positive class. */
  readonly threshold: number;
  /** Of an imported graph; absent: `millraceTensors`. */
  readonly tensors?: GraphTensors;
}

/** Histogram of one column at training: reference for drift. */
export interface ColumnProfile {
  readonly name: string;
  readonly kind: 'number' | 'category' | 'score';
  /** Numbers: inner bin edges, ascending; bins = edges.length + 1. Categories: the values, and the last bin is all others. */
  readonly edges: readonly number[];
  readonly values: readonly string[];
  readonly counts: readonly number[];
  readonly nulls: number;
  readonly rows: number;
}

/** Name of a profile's last column. */
export const SCORE_COLUMN = 'score';

export interface ReferenceProfile {
  readonly columns: readonly ColumnProfile[];
  /** By column: the highest PSI that one of monitoring's windows reached against all rows, in training itself. */
  readonly usualPsi: Readonly<Record<string, number>>;
}

/** Rows and the scores that training saw for them: a loaded model must give the same. */
export interface GoldenBatch {
  readonly rows: number;
  readonly columns: number;
  /** base64 of little-endian float32, row-major. */
  readonly features: string;
  readonly scores: readonly number[];
  /** Largest absolute difference that still counts as the same. */
  readonly tolerance: number;
}

export interface SliceMetrics {
  readonly slice: string;
  readonly rows: number;
  readonly positives: number;
  /** Null where the slice holds one class only. */
  readonly auc: number | null;
  readonly logLoss: number;
  readonly brier: number;
  /** Expected calibration error over ten equal-count bins; equal scores share the mean of their labels. */
  readonly calibrationError: number;
  readonly meanScore: number;
  readonly baseRate: number;
}

export interface EvaluationReport {
  readonly overall: SliceMetrics;
  readonly byMonth: readonly SliceMetrics[];
  readonly bySegment: Readonly<Record<string, readonly SliceMetrics[]>>;
}

export interface VersionMetrics {
  /** Null for an imported version where no labelled examples were there to evaluate it on. */
  readonly candidate: EvaluationReport | null;
  /** The champion on the same slice; null for the first version. */
  readonly champion: EvaluationReport | null;
  readonly championVersion: number | null;
  /** Why a champion has no report here; absent where it has one, or there was none. */
  readonly notCompared?: string;
  /** Largest absolute difference of TensorFlow.js and ONNX Runtime over the hold-out; null for an imported version. */
  readonly exportParity: number | null;
}

/** Metrics of a version that Millrace trained: it was evaluated, or it would not be there. */
export interface TrainedMetrics extends VersionMetrics {
  readonly candidate: EvaluationReport;
  readonly exportParity: number;
}

/** A model that somebody else made: where it came from, as its file says, and who brought it. */
export interface ImportedFile {
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly by: string;
  readonly producerName: string;
  readonly producerVersion: string;
  /** Of ONNX. */
  readonly irVersion?: number;
  /** Of ONNX: operator set by domain; '' is ONNX itself. */
  readonly opsets?: Readonly<Record<string, number>>;
  /** Decision time of the newest example that it learned from, ms since the epoch; null: nobody said. */
  readonly trainedTo: number | null;
}

export interface Lineage {
  readonly trigger: string;
  readonly reason: string;
  /** Training read what was known at this moment, ms since the epoch. */
  readonly dataCut: number;
  readonly trainingFrom: number;
  readonly trainingTo: number;
  readonly holdoutFrom: number;
  readonly trainingRows: number;
  readonly holdoutRows: number;
  readonly backend: string;
  readonly trainer: JsonValue;
  readonly seed: number;
  readonly durationsMs: Readonly<Record<string, number>>;
  /** Absent: Millrace trained it. */
  readonly imported?: ImportedFile;
}

/** Files that a runtime opens, each role by one of its own. */
const runtimeRoles = ['model.onnx', 'model.tfjs'] as const;
export type RuntimeRole = (typeof runtimeRoles)[number];

/** What a version can run: a file of a runtime, or other versions. A bundle has exactly one of them. */
export const graphRoles = [...runtimeRoles, 'ensemble.json'] as const;
export type GraphRole = (typeof graphRoles)[number];

/** What runs a graph, in the Open Inference Protocol's `platform`. */
export const platforms: Readonly<Record<GraphRole, string>> = {
  'model.onnx': 'onnxruntime_onnx',
  'model.tfjs': 'tensorflowjs',
  'ensemble.json': 'ensemble',
};

/** Files that say what a version's graph is; a bundle has all of them. */
export const recordRoles = ['signature.json', 'reference-profile.json', 'golden-batch.json', 'metrics.json', 'lineage.json'] as const;
export type RecordRole = (typeof recordRoles)[number];

/** A file's part in a bundle; also its name. */
export type BundleRole = GraphRole | RecordRole;

/** What each file of a version has, by role. */
export type ByRole<T> = Readonly<Record<RecordRole, T>> & Readonly<Partial<Record<GraphRole, T>>>;

/** What a version runs. */
export interface ModelGraph<Role extends GraphRole = RuntimeRole> {
  readonly role: Role;
  readonly bytes: Uint8Array;
}

/** Files of a version, each with its sha256 (hex). */
export interface BundleManifest {
  readonly format: 1;
  readonly model: string;
  readonly files: ByRole<string>;
}

/** The one graph among the files of a version; undefined where there is none, or more than one. */
export function graphRoleOf(files: ByRole<unknown>): GraphRole | undefined {
  const [role, ...others] = graphRoles.filter((each) => files[each] !== undefined);
  return others.length === 0 ? role : undefined;
}
