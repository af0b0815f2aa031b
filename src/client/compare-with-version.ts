import { encodeCategories } from '../contracts/encode-categories.ts';
import type { ModelSignature } from '../contracts/model-bundle.ts';
import { MillraceError } from '../core/millrace-error.ts';
import type { Project } from '../define/project.ts';
import type { Postgres } from '../infra/postgres.ts';
import type { Registry } from '../registry/registry.ts';
import { readLabelledDecisions, type LabelledDecision } from '../store/labelled-decisions.ts';
import { evaluateSlice } from '../statistics/evaluate-slice.ts';
import { scoreGraph } from '../training/score-graph.ts';
import type { ComparedSlice, VersionComparison } from './version-comparison.ts';

/** Decisions that are read and scored together; bounds the memory. */
const PAGE_ROWS = 20_000;

interface Outcomes {
  readonly months: string[];
  readonly versions: number[];
  readonly served: number[];
  readonly other: number[];
  readonly labels: number[];
}

/**
 * Scores the stored rows of all labelled decisions with one version, and evaluates both answers by month.
 * @throws MillraceError MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND, MODEL_BUNDLE_CORRUPT
 */
export async function compareWithVersion(
  deps: { postgres: Postgres; registry: Registry; project: Project },
  modelName: string,
  version: number,
): Promise<VersionComparison> {
  const model = deps.project.models.find((m) => m.name === modelName);
  if (model === undefined) {
    throw new MillraceError('MODEL_NOT_FOUND', `Model '${modelName}' is not in the project '${deps.project.name}'.`);
  }
  const bundle = await deps.registry.readBundle(modelName, version);
  const width = bundle.signature.numericNames.length + bundle.signature.categories.length;
  const outcomes: Outcomes = { months: [], versions: [], served: [], other: [], labels: [] };
  for (let after = '0'; ; ) {
    const page = await readLabelledDecisions(deps.postgres, model, after, PAGE_ROWS);
    const last = page.at(-1);
    if (last === undefined) break;
    const scores = await scoreGraph(bundle.graph, rowsOf(page, bundle.signature), width, bundle.signature.tensors);
    for (const [i, decision] of page.entries()) {
      outcomes.months.push(decision.month);
      outcomes.versions.push(decision.version);
      outcomes.served.push(decision.score);
      outcomes.other.push(scores[i] as number);
      outcomes.labels.push(decision.label ? 1 : 0);
    }
    after = last.seq;
  }
  const all = outcomes.months.map((_, i) => i);
  const months = [...new Set(outcomes.months)].sort();
  return {
    model: modelName,
    version,
    overall: compareSlice('all', outcomes, all),
    byMonth: months.map((month) => compareSlice(month, outcomes, all.filter((i) => outcomes.months[i] === month))),
  };
}

function rowsOf(page: readonly LabelledDecision[], signature: ModelSignature): Float32Array {
  const numbers = signature.numericNames.length;
  const width = numbers + signature.categories.length;
  const out = new Float32Array(page.length * width);
  for (const [i, { numbers: bytes, categories }] of page.entries()) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let c = 0; c < numbers; c++) out[i * width + c] = view.getFloat32(c * 4, true);
    encodeCategories(signature.categories, categories, out, i * width + numbers);
  }
  return out;
}

function compareSlice(slice: string, outcomes: Outcomes, rows: readonly number[]): ComparedSlice {
  const pick = (values: readonly number[]): Float32Array => Float32Array.from(rows, (i) => values[i] as number);
  const labels = pick(outcomes.labels);
  return {
    slice,
    served: evaluateSlice(slice, pick(outcomes.served), labels),
    other: evaluateSlice(slice, pick(outcomes.other), labels),
    versions: [...new Set(rows.map((i) => outcomes.versions[i] as number))].sort((a, b) => a - b),
  };
}
