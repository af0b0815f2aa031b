/*
 * The slow oracle of features: DESIGN.md section 2 word by word, with exact arithmetic, no tiles kept and no state.
 * It shares no code with the fold and the stores; of Millrace it knows the types of definitions only.
 */
import type { Aggregation, CombinationKind, ViewFeature } from '../../src/define/aggregation.ts';
import type { FeatureService } from '../../src/define/feature-service.ts';
import type { FeatureView } from '../../src/define/feature-view.ts';
import { exactSum, nearestDeviation, nearestQuotient } from './naive/exact-arithmetic.ts';
import { decayedMean, decayedSum, type Timed } from './naive/exact-decay.ts';
import { nearestSkewness, nearestVariance } from './naive/exact-moments.ts';
import { float32Of } from './naive/float32.ts';
import { passesCondition } from './naive/naive-condition.ts';
import { durationMs, windowOf } from './naive/naive-window.ts';

export type Values = Readonly<Record<string, unknown>>;

/** An event of the entity that is asked about. Times are ms since the epoch. */
export interface NaiveEvent {
  /** The earlier of event time and known time. */
  readonly effectiveTime: number;
  readonly knownTime: number;
  readonly row: Values;
}

export type NaiveFeatures = Readonly<Record<string, number | null>>;

const SEPARATOR = '\u001f';
const MS_PER_SECOND = 1_000;

/** Entity key: the key fields' values in order, joined by the unit separator; null where one is no text. */
export function naiveEntityKey(fields: readonly string[], values: Values): string | null {
  const parts = fields.map((field) => values[field]);
  return parts.every((part) => typeof part === 'string') ? parts.join(SEPARATOR) : null;
}

/**
 * All features of a view as of a moment, in float64.
 * @param events what is to be seen of one entity, in any order: the caller decides by fence or by known time
 */
export function naiveFeatures(view: FeatureView, events: readonly NaiveEvent[], asOf: number): NaiveFeatures {
  return Object.fromEntries(
    Object.entries<ViewFeature>(view.features).map(([name, feature]) => {
      if (!('parts' in feature)) return [name, aggregateWindow(feature, events, asOf)];
      const [first, second] = feature.parts.map((part) => aggregateWindow(part, events, asOf));
      return [name, combine(feature.kind, first ?? null, second ?? null)];
    }),
  );
}

function aggregateWindow(
  aggregation: Aggregation,
  events: readonly NaiveEvent[],
  asOf: number,
): number | null {
  const isInWindow = windowOf(aggregation, asOf);
  const seen = events.filter(
    (event) => isInWindow(event.effectiveTime) && passesCondition(aggregation.where, event.row),
  );
  return aggregate(aggregation, seen, asOf);
}

function combine(kind: CombinationKind, first: number | null, second: number | null): number | null {
  if (first === null || second === null) return null;
  const value = kind === 'difference' ? first - second : first / second;
  // Neither by 0 nor where no double holds the answer.
  return Number.isFinite(value) ? value + 0 : null;
}

export interface NaiveRow {
  readonly numericNames: readonly string[];
  readonly numbers: Float32Array;
  readonly categories: readonly (string | null)[];
}

/**
 * The row that a model takes: view features, on-demand features, the request's numbers; and its texts as categories.
 * @param featuresOf features by view name, for every view that the service or its on-demand features read
 */
export function naiveRow(
  service: FeatureService,
  featuresOf: ReadonlyMap<string, NaiveFeatures>,
  request: Values,
  asOf: number,
): NaiveRow {
  const named: [string, unknown][] = [];
  for (const view of service.views) {
    for (const name of Object.keys(view.features)) {
      const full = `${view.name}.${name}`;
      if (!service.exclude.includes(full)) named.push([full, featuresOf.get(view.name)?.[name]]);
    }
  }
  for (const feature of service.onDemand) {
    const views = Object.entries(feature.views).map(([alias, view]) => [alias, featuresOf.get(view.name)]);
    named.push([feature.name, feature.compute({ ...Object.fromEntries(views), request, asOf })]);
  }
  const requestFields = Object.entries(service.request);
  for (const [name, field] of requestFields) {
    if (field.type === 'number' || field.type === 'boolean') named.push([name, request[name]]);
  }
  return {
    numericNames: named.map(([name]) => name),
    numbers: Float32Array.from(named, ([, value]) => float32Of(value)),
    categories: requestFields
      .filter(([, field]) => field.type === 'string')
      .map(([name]) => (request[name] ?? null) as string | null),
  };
}

function aggregate(aggregation: Aggregation, events: readonly NaiveEvent[], asOf: number): number | null {
  if (aggregation.kind === 'approxDistinct') {
    const values = events.map((event) => event.row[aggregation.field ?? ''] ?? null);
    // -0 is 0 in a set.
    return new Set(values.filter((value) => value !== null)).size;
  }
  if (aggregation.kind === 'topK') {
    const counts = new Map<unknown, number>();
    for (const { row } of events) {
      const value = row[aggregation.field ?? ''] ?? null;
      if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return [...counts.values()].toSorted((a, b) => b - a)[(aggregation.rank ?? NaN) - 1] ?? null;
  }
  const valued = events.flatMap((event) => {
    const value = aggregation.field === null ? 1 : numberOf(event.row[aggregation.field]);
    return value === null ? [] : [{ ...event, value }];
  });
  if (valued.length === 0)
    return aggregation.kind === 'count' || aggregation.kind === 'decayedCount' ? 0 : null;
  const values = valued.map((event) => event.value);
  const newest = valued.reduce((latest, event) => Math.max(latest, event.effectiveTime), -Infinity);
  const timed = (): Timed[] => valued.map(({ value, effectiveTime }) => ({ value, time: effectiveTime }));
  switch (aggregation.kind) {
    case 'count':
      return values.length;
    case 'timeSinceLast':
      return Math.max(0, asOf - newest) / MS_PER_SECOND;
    case 'sum':
      return nearestQuotient(exactSum(values), 1n);
    case 'mean':
      return nearestQuotient(exactSum(values), BigInt(values.length));
    case 'variance':
      return nearestVariance(values);
    case 'stddev':
      return nearestDeviation(values);
    case 'skewness':
      return nearestSkewness(values);
    case 'min':
      return values.reduce((a, b) => Math.min(a, b));
    case 'max':
      return values.reduce((a, b) => Math.max(a, b));
    case 'first':
      return valued.reduce((a, b) => (isNewer(a, b) ? b : a)).value;
    case 'last':
      return valued.reduce((a, b) => (isNewer(b, a) ? b : a)).value;
    case 'lastN':
      return (
        valued.toSorted((a, b) => (isNewer(a, b) ? -1 : 1))[(aggregation.rank ?? NaN) - 1]?.value ?? null
      );
    case 'approxQuantile':
      return (
        values.toSorted((a, b) => a - b)[Math.floor((aggregation.q ?? NaN) * (values.length - 1))] ?? null
      );
    case 'decayedCount':
    case 'decayedSum':
      // A live read's state may have run ahead of its moment.
      return decayedSum(timed(), Math.max(asOf, newest), durationMs(aggregation.halfLife ?? ''));
    case 'decayedMean':
      return decayedMean(timed(), durationMs(aggregation.halfLife ?? ''));
  }
}

type Valued = NaiveEvent & { readonly value: number };

function isNewer(a: Valued, b: Valued): boolean {
  if (a.effectiveTime !== b.effectiveTime) return a.effectiveTime > b.effectiveTime;
  if (a.knownTime !== b.knownTime) return a.knownTime > b.knownTime;
  return a.value > b.value;
}

/** Null for what has no number; -0 is 0. */
function numberOf(value: unknown): number | null {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'number' ? value + 0 : null;
}
