import type { CategoryColumn, TrainingSet } from '../contracts/training-set.ts';
import { MillraceError } from '../core/millrace-error.ts';
import type { Model } from '../define/model.ts';
import { assembleRow, compileService, type ServiceProgram } from '../fold/compile-service.ts';
import type { Postgres } from '../infra/postgres.ts';
import { postgresEvents } from './as-of/postgres-events.ts';
import { readViews } from './as-of/read-as-of.ts';
import { readExamples, type Example } from './example-spine.ts';
import { newestKnownTime } from './offline-log.ts';
import { serviceDigest } from './service-digest.ts';

export interface TrainingSetDeps {
  readonly postgres: Postgres;
  /** Called after each stage: its name, how long it took in ms, and the rows that it made. */
  readonly onProgress?: (stage: string, durationMs: number, rows: number) => void;
}

/**
 * The training set of a model as of a moment: each labelled example with its features as of its own
 * decision time, read through the same fold that serves. An example that serving would have refused,
 * because a state was too old as of its decision time (`onStale: 'refuse'`), is left out: no such row is
 * ever scored.
 * @param request.dataCut what was known later does not exist, ms since the epoch; null: all that is known
 * @throws MillraceError TRAINING_NO_EXAMPLES
 */
export async function buildTrainingSet(
  deps: TrainingSetDeps,
  request: { readonly model: Model; readonly dataCut: number | null },
): Promise<{ trainingSet: TrainingSet; dataCut: number }> {
  const { model } = request;
  const stage = stageTimer(deps);
  const program = compileService(model.service);
  const sources = new Set([
    model.examples.source,
    model.label.source,
    ...program.views.map((v) => v.view.source),
  ]);
  const dataCut = request.dataCut ?? (await newestKnownTime(deps.postgres, [...sources]));
  if (dataCut === null) throw noExamples(model, null);
  const examples = await readExamples(deps.postgres, model, program, dataCut);
  if (examples.length === 0) throw noExamples(model, dataCut);
  stage('examples', examples.length);
  const { values, refused } = await readValues(deps.postgres, program, examples, dataCut);
  stage('features', examples.length);
  const kept = examples.flatMap((example, row) => (refused[row] === 1 ? [] : { example, row }));
  if (kept.length === 0) throw allStale(model, examples.length);
  const trainingSet = assembleSet(model, program, kept, values);
  stage('rows', kept.length);
  return { trainingSet, dataCut };
}

interface ExampleValues {
  /** Per view of the program, row-major over the examples: its features as of each decision time. */
  readonly values: readonly Float64Array[];
  /** 1 for each example that serving would have refused. */
  readonly refused: Uint8Array;
}

async function readValues(
  postgres: Postgres,
  { views }: ServiceProgram,
  examples: readonly Example[],
  dataCut: number,
): Promise<ExampleValues> {
  const spine = examples.map(({ request, decisionTime }) => ({ row: request, asOf: decisionTime }));
  const reads = await readViews(postgresEvents(postgres), views, spine, { mode: 'known', dataCut });
  const refused = new Uint8Array(examples.length);
  for (const [v, { stale }] of reads.entries())
    if (views[v]?.freshness?.onStale === 'refuse') stale.forEach((isStale, row) => (refused[row]! |= isStale));
  return { values: reads.map(({ values }) => values), refused };
}

function assembleSet(
  model: Model,
  program: ServiceProgram,
  kept: readonly { readonly example: Example; readonly row: number }[],
  values: readonly Float64Array[],
): TrainingSet {
  const examples = kept.map(({ example }) => example);
  const rows = kept.length;
  const width = program.numericNames.length;
  const numbers = new Float32Array(rows * width);
  const categories = program.categoryNames.map((name) => new CategoryBuilder(name, rows));
  const viewValues = program.views.map((view) => new Float64Array(view.featureNames.length));
  const texts = new Array<string | null>(program.categoryNames.length).fill(null);
  for (const [row, { example, row: from }] of kept.entries()) {
    for (const [v, scratch] of viewValues.entries()) {
      const at = from * scratch.length;
      scratch.set((values[v] as Float64Array).subarray(at, at + scratch.length));
    }
    assembleRow(program, viewValues, example.request, example.decisionTime, numbers, row * width, texts, 0);
    for (const [c, category] of categories.entries()) category.set(row, texts[c] ?? null);
  }
  return {
    model: model.name,
    serviceDigest: serviceDigest(program),
    numericNames: program.numericNames,
    rows,
    numbers,
    categories: categories.map((category) => category.finish()),
    labels: Float32Array.from(examples, (example) => example.label),
    decisionTimes: Float64Array.from(examples, (example) => example.decisionTime),
    labelKnownTimes: Float64Array.from(examples, (example) => example.labelKnownTime),
    exampleIds: examples.map((example) => example.id),
  };
}

class CategoryBuilder {
  readonly #name: string;
  readonly #codes: Int32Array;
  readonly #codeOf = new Map<string, number>();

  constructor(name: string, rows: number) {
    this.#name = name;
    this.#codes = new Int32Array(rows);
  }

  set(row: number, value: string | null): void {
    let code = value === null ? -1 : this.#codeOf.get(value);
    if (code === undefined && value !== null) this.#codeOf.set(value, (code = this.#codeOf.size));
    this.#codes[row] = code ?? -1;
  }

  finish(): CategoryColumn {
    return { name: this.#name, dictionary: [...this.#codeOf.keys()], codes: this.#codes };
  }
}

function stageTimer(deps: TrainingSetDeps): (name: string, rows: number) => void {
  let since = performance.now();
  return (name, rows) => {
    const now = performance.now();
    deps.onProgress?.(name, now - since, rows);
    since = now;
  };
}

const noExamples = (model: Model, dataCut: number | null): MillraceError =>
  new MillraceError(
    'TRAINING_NO_EXAMPLES',
    `Model '${model.name}' has no labelled example known ${dataCut === null ? 'at all' : `by ${new Date(dataCut).toISOString()}`}: expected events of source '${model.examples.source.name}' with a label in source '${model.label.source.name}'. Send events, or choose a later data cut.`,
  );

const allStale = (model: Model, examples: number): MillraceError =>
  new MillraceError(
    'TRAINING_NO_EXAMPLES',
    `Model '${model.name}' has ${examples} labelled examples, and serving would have refused each of them: a view with onStale 'refuse' had no state within its maxAge as of their decision times. Lengthen the maxAge, or choose onStale 'null'.`,
  );
