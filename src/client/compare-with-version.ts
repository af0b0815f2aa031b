import { encodeCategories } from '../contracts/encode-categories.ts';
import type { ModelSignature } from '../contracts/model-bundle.ts';
import { MillraceError } from '../core/millrace-error.ts';
import type { Project } from '../define/project.ts';
import type { Postgres } from '../infra/postgres.ts';
import { getVersion } from '../registry/get-version.ts';
import type { Registry } from '../registry/registry.ts';
import { readLabelledDecisions, type LabelledDecision } from '../store/labelled-decisions.ts';
import { evaluateSlice } from '../statistics/evaluate-slice.ts';
import { originDifference } from '../training/row-origin.ts';
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
 * Scores the stored rows of all labelled decisions with one version, and evaluates both answers by month. A row that another version was
 * asked for is read by the names of its columns: their order may differ. Where it lacks one, or was made by another version of a view or on-demand
 * feature, so that one name means two things, the decision is left out.
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
  const columns = new ColumnsByVersion(deps.postgres, bundle.signature);
  let leftOut = 0;
  const outcomes: Outcomes = { months: [], versions: [], served: [], other: [], labels: [] };
  for (let after = '0'; ; ) {
    const page = await readLabelledDecisions(deps.postgres, model, after, PAGE_ROWS);
    const last = page.at(-1);
    if (last === undefined) break;
    const rows: ReadableDecision[] = [];
    for (const decision of page) {
      const found = await columns.of(decision.version);
      if (found === null) leftOut++;
      else rows.push({ ...decision, columns: found });
    }
    const scores = rows.length === 0 ? [] : await scoreGraph(bundle.graph, inputOf(rows, bundle.signature), width, bundle.signature.tensors);
    for (const [i, decision] of rows.entries()) {
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
    leftOut,
    overall: compareSlice('all', outcomes, all),
    byMonth: months.map((month) => compareSlice(month, outcomes, all.filter((i) => outcomes.months[i] === month))),
  };
}

/** Where the columns of one version stand in the rows of another. */
interface Columns {
  readonly numbers: readonly number[];
  readonly categories: readonly number[];
}

interface ReadableDecision extends LabelledDecision {
  readonly columns: Columns;
}

class ColumnsByVersion {
  readonly #db: Postgres;
  readonly #wanted: ModelSignature;
  readonly #found = new Map<number, Columns | null>();

  constructor(db: Postgres, wanted: ModelSignature) {
    this.#db = db;
    this.#wanted = wanted;
  }

  /** Null where the version's rows lack a column, or have another by its name. @throws MillraceError MODEL_VERSION_NOT_FOUND */
  async of(version: number): Promise<Columns | null> {
    const known = this.#found.get(version);
    if (known !== undefined) return known;
    const { signature } = await getVersion(this.#db, this.#wanted.model, version);
    const numbers = this.#wanted.numericNames.map((name) => signature.numericNames.indexOf(name));
    const categories = this.#wanted.categories.map(({ name }) => signature.categories.findIndex((other) => other.name === name));
    const isOther = numbers.includes(-1) || categories.includes(-1) || originDifference(this.#wanted, signature) !== null;
    const found = isOther ? null : { numbers, categories };
    this.#found.set(version, found);
    return found;
  }
}

function inputOf(rows: readonly ReadableDecision[], signature: ModelSignature): Float32Array {
  const numbers = signature.numericNames.length;
  const width = numbers + signature.categories.length;
  const out = new Float32Array(rows.length * width);
  for (const [i, { numbers: bytes, categories, columns }] of rows.entries()) {
    for (let c = 0; c < numbers; c++) out[i * width + c] = bytes.readFloatLE(columns.numbers[c]! * Float32Array.BYTES_PER_ELEMENT);
    encodeCategories(signature.categories, columns.categories.map((at) => categories[at] ?? null), out, i * width + numbers);
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
