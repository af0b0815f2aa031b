import { parseDuration } from '../core/duration.ts';
import type { Row } from '../define/field.ts';
import type { Model } from '../define/model.ts';
import type { ServiceProgram } from '../fold/compile-service.ts';
import type { Queryable } from '../infra/postgres.ts';
import { scanEvents, type LoggedEvent } from './offline-log.ts';

/** An example: what was asked, when, and what came of it. Times are ms since the epoch. */
export interface Example {
  readonly id: string;
  readonly decisionTime: number;
  /** Fields of the example's event that a request would carry. */
  readonly request: Row;
  readonly label: 0 | 1;
  readonly labelKnownTime: number;
}

type Known = Pick<LoggedEvent, 'knownTime' | 'sourcePartition' | 'sourceOffset'>;

interface Label extends Known {
  readonly value: boolean | null;
}

/** Whether one became known after another. Of one batch of Kafka all have one time; a partition has them in their order. */
const isLater = (one: Known, other: Known): boolean =>
  (one.knownTime - other.knownTime || one.sourcePartition - other.sourcePartition || one.sourceOffset - other.sourceOffset) > 0;

/**
 * The labelled examples that were known at the data cut, in order of decision time.
 *
 * Where several events carry one id, the one known last counts, of examples and of labels: a corrected
 * schedule replaces the first, a corrected arrival too. (A service that was asked before the correction
 * had the earlier one; its decision is in the decision log, not here.) An example whose decision lies
 * after the cut, or outside the model's training window, is left out, and so is one without a label.
 */
export async function readExamples(
  db: Queryable,
  model: Model,
  program: ServiceProgram,
  dataCut: number,
): Promise<Example[]> {
  const labels = await readLabels(db, model, dataCut);
  const { examples } = model;
  const { field, offset } = examples.decisionTime;
  const offsetMs = signedDurationMs(offset);
  const windowMs =
    model.trainingWindow === null ? Infinity : (parseDuration(model.trainingWindow) ?? Infinity);
  const requestFields = Object.keys(program.requestSchema);
  const fields = [...new Set([examples.id, field, ...requestFields])].filter(
    (name) => name in examples.source.schema,
  );
  const newest = new Map<string, Known & { readonly example: Example | null }>();
  const exampleOf = (id: string, row: Row): Example | null => {
    const label = labels.get(id);
    const time = row[field] as number | null;
    if (label === undefined || label.value === null || time === null) return null;
    const decisionTime = time + offsetMs;
    if (decisionTime > dataCut || decisionTime < dataCut - windowMs) return null;
    const request: Record<string, Row[string]> = {};
    for (const name of requestFields) request[name] = row[name] ?? null;
    return { id, decisionTime, request, label: label.value ? 1 : 0, labelKnownTime: label.knownTime };
  };
  await scanEvents(db, examples.source, fields, { knownTo: dataCut, order: 'any' }, (event) => {
    const { row, knownTime, sourcePartition, sourceOffset } = event;
    const id = row[examples.id] as string;
    const before = newest.get(id);
    if (before === undefined || isLater(event, before)) newest.set(id, { knownTime, sourcePartition, sourceOffset, example: exampleOf(id, row) });
  });
  return [...newest.values()]
    .flatMap(({ example }) => example ?? [])
    .sort((a, b) => a.decisionTime - b.decisionTime || (a.id < b.id ? -1 : 1));
}

/** Newest known label of each id; one that is null takes an earlier one back. */
async function readLabels(db: Queryable, model: Model, dataCut: number): Promise<Map<string, Label>> {
  const { source, id, value } = model.label;
  const labels = new Map<string, Label>();
  await scanEvents(db, source, [id, value], { knownTo: dataCut, order: 'any' }, (event) => {
    const { row, knownTime, sourcePartition, sourceOffset } = event;
    const before = labels.get(row[id] as string);
    if (before === undefined || isLater(event, before))
      labels.set(row[id] as string, { value: row[value] as boolean | null, knownTime, sourcePartition, sourceOffset });
  });
  return labels;
}

/** `'-30m'` is -1_800_000. */
function signedDurationMs(text: string): number {
  const isNegative = text.startsWith('-');
  const ms = parseDuration(isNegative ? text.slice(1) : text) ?? 0;
  return isNegative ? -ms : ms;
}
