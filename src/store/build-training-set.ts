import type { CategoryColumn, TrainingSet } from '../contracts/training-set.ts';
import { MillraceError } from '../core/millrace-error.ts';
import type { Model } from '../define/model.ts';
import type { Source } from '../define/source.ts';
import { assembleRow, compileService, requestKeyOf, type ServiceProgram } from '../fold/compile-service.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import { foldAsOf } from '../fold/point-in-time.ts';
import type { Postgres } from '../infra/postgres.ts';
import { readExamples, type Example } from './example-spine.ts';
import { newestKnownTime } from './offline-log.ts';
import { serviceDigest } from './service-digest.ts';
import { readSourceEvents } from './view-events.ts';

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
  const { values, refused } = await readViewValues(deps.postgres, program, examples, dataCut, stage);
  const kept = examples.flatMap((example, row) => (refused[row] === 1 ? [] : { example, row }));
  if (kept.length === 0) throw allStale(model, examples.length);
  const trainingSet = assembleSet(model, program, kept, values);
  stage('rows', kept.length);
  return { trainingSet, dataCut };
}

interface ViewValues {
  /** Per view of the program, row-major over the examples: its features as of each decision time. */
  readonly values: readonly Float64Array[];
  /** 1 for each example that serving would have refused. */
  readonly refused: Uint8Array;
}

async function readViewValues(
  postgres: Postgres,
  program: ServiceProgram,
  examples: readonly Example[],
  dataCut: number,
  stage: (name: string, rows: number) => void,
): Promise<ViewValues> {
  const refused = new Uint8Array(examples.length);
  const asOf = Float64Array.from(examples, (example) => example.decisionTime);
  const values = program.views.map((view) => new Float64Array(examples.length * view.featureNames.length));
  for (const [source, views] of viewsBySource(program)) {
    // The fold sorts one column of numbers, which is much less than Postgres would.
    const columns = await readSourceEvents(postgres, views, { knownTo: dataCut, order: 'any' });
    stage(
      `events of ${source.name}`,
      columns.reduce((rows, c) => rows + c.rows, 0),
    );
    for (const [i, view] of views.entries()) {
      const events = columns[i];
      if (events === undefined) continue;
      const keys = examples.map((example) => requestKeyOf(view, example.request));
      const stale = view.freshness?.onStale === 'refuse' ? refused : undefined;
      foldAsOf(view, events, { keys, asOf }, values[program.views.indexOf(view)] as Float64Array, stale);
      stage(`view ${view.name}`, events.rows);
    }
  }
  return { values, refused };
}

function viewsBySource(program: ServiceProgram): Map<Source, ViewProgram[]> {
  const bySource = new Map<Source, ViewProgram[]>();
  for (const view of program.views) {
    const list = bySource.get(view.view.source);
    if (list === undefined) bySource.set(view.view.source, [view]);
    else list.push(view);
  }
  return bySource;
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
