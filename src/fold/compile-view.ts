import { assertInvariant } from '../core/assert-invariant.ts';
import { parseDuration } from '../core/duration.ts';
import { fnv1a32 } from '../core/fnv1a.ts';
import { canonicalJson, type JsonValue } from '../core/json.ts';
import type { Aggregation, ViewFeature } from '../define/aggregation.ts';
import { CHANGE_SIGN } from '../define/change-fields.ts';
import { entityKeyOf } from '../define/entity.ts';
import type { FeatureView } from '../define/feature-view.ts';
import type { Row } from '../define/field.ts';
import { windowAndHop } from '../define/hop-ladder.ts';
import { algebraOf } from './aggregations/algebra-of.ts';
import { reversibleAlgebra } from './aggregations/reversible-algebra.ts';
import { compileCondition } from './compile-condition.ts';
import { freshnessRuleOf, type FreshnessRule } from './freshness-rule.ts';
import { codeOfText } from './text-code.ts';
import { hashValue } from './hash-value.ts';
import { InputTable } from './input-table.ts';
import { planResolution, type PlannedFeature } from './plan-resolution.ts';
import { layoutOf } from './tile-layout.ts';
import type { CombinationPlan, ViewProgram } from './view-program.ts';

export type { ViewProgram } from './view-program.ts';

/**
 * Compiles a view that `validateProject` found no problem with.
 *
 * Prepared inputs are the distinct combinations of field, form and condition; features of one hop that need the same
 * intermediate result of the same input share its slots.
 */
export function compileView(view: FeatureView): ViewProgram {
  const inputs = new InputTable(view);
  const signInput = view.source.changes === true ? inputs.of(CHANGE_SIGN, 'number', null) : -1;
  const featureNames = Object.keys(view.features);
  const { planned, combinations } = planFeatures(view, inputs);
  const hops = [...new Set(planned.map((feature) => feature.hopMs))].sort((a, b) => a - b);
  const freshness = freshnessRuleOf(view);
  const definition = definitionOf(view, planned, freshness);
  const resolutions = hops.map((hopMs) =>
    planResolution(
      hopMs,
      planned.filter((feature) => feature.hopMs === hopMs),
    ),
  );
  return {
    view,
    name: view.name,
    version: view.version,
    partitions: view.partitions,
    featureNames,
    inputCount: inputs.fields.length,
    eventInputs: inputs.fields.map((field) => field === null),
    inputGroups: inputs.groups(),
    signInput,
    keyFields: view.entity.keys.map((key) => view.keyFields[key] ?? key),
    combinations,
    partValues: new Float64Array(2 * combinations.length),
    resolutions,
    layout: layoutOf(
      resolutions.map(({ slotCount, sketches }) => ({
        slotCount,
        sketchKinds: sketches.map(({ kind }) => kind),
      })),
    ),
    longestWindowMs: Math.max(...planned.map((feature) => feature.windowMs)),
    freshness,
    definition,
    definitionHash: fnv1a32(canonicalJson(definition)),
  };
}

/** The event's entity key in this view; null where a key field is null, and the event counts in no state. */
export function viewKeyOf(program: ViewProgram, row: Row): string | null {
  return entityKeyOf(program.keyFields, row);
}

/**
 * Writes the event's `inputCount` inputs to `out` from `at`: a field's number (booleans as 0 and 1), or 1
 * for the event itself, the hash of a field's value, or a text's code; NaN where it is null or the event does not pass the input's condition.
 */
export function prepareEvent(program: ViewProgram, row: Row, out: Float64Array, at: number): void {
  for (const group of program.inputGroups) {
    const passes = group.test === null || group.test(row);
    for (const input of group.inputs) {
      if (!passes) out[at + input.at] = NaN;
      else if (input.field === null) out[at + input.at] = 1;
      else if (input.isHash) out[at + input.at] = hashValue(row[input.field]);
      else if (input.isCode) out[at + input.at] = codeOfText(row[input.field]);
      else out[at + input.at] = numberOf(row[input.field]);
    }
  }
}

/** NaN is null; -0 becomes 0, so that equal values have equal bits. */
function numberOf(value: unknown): number {
  if (typeof value === 'number') return value + 0;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return NaN;
}

/** Plans the view's aggregations: those that are features, and the parts of its combinations, numbered apart. */
function planFeatures(
  view: FeatureView,
  inputs: InputTable,
): { planned: readonly PlannedFeature[]; combinations: readonly CombinationPlan[] } {
  const combinations: CombinationPlan[] = [];
  const planned = Object.entries<ViewFeature>(view.features).flatMap(([name, given], feature) => {
    const plan = planAggregation.bind(null, view, name, inputs);
    if (!('parts' in given)) return [plan(given, feature, false)];
    const first = 2 * combinations.length;
    combinations.push({ kind: given.kind, feature, first, second: first + 1 });
    return given.parts.map((part, i) => plan(part, first + i, true));
  });
  return { planned, combinations };
}

function planAggregation(
  view: FeatureView,
  name: string,
  inputs: InputTable,
  aggregation: Aggregation,
  feature: number,
  isPart: boolean,
): PlannedFeature {
  const window = windowAndHop(aggregation);
  assertInvariant(
    window !== undefined,
    `view '${view.name}', feature '${name}' was validated before it is compiled`,
  );
  const condition = compileCondition(aggregation.where);
  return {
    aggregation,
    feature,
    isPart,
    ...window,
    computation: computationOf(view, aggregation, condition, inputs),
    where: condition?.normal ?? null,
  };
}

function computationOf(
  view: FeatureView,
  aggregation: Aggregation,
  condition: ReturnType<typeof compileCondition>,
  inputs: InputTable,
): PlannedFeature['computation'] {
  const own = algebraOf(aggregation);
  const algebra = view.source.changes === true ? reversibleAlgebra(own) : own;
  const { field } = aggregation;
  if ('sketch' in algebra) {
    const form = algebra.prepare === 'field' ? 'number' : algebra.prepare;
    return { sketchAlgebra: algebra, input: inputs.of(field, form, condition) };
  }
  const fieldInput = algebra.prepare === 'field' ? inputs.of(field, 'number', condition) : null;
  // Counting a field that is never null is counting events: one slot serves both.
  const nullable = field !== null && view.source.schema[field]?.nullable === true;
  const columns = algebra.intermediates.map((intermediate) => ({
    intermediate,
    input:
      fieldInput === null || (intermediate.name === 'eventCount' && !nullable)
        ? inputs.of(null, 'event', condition)
        : fieldInput,
  }));
  return { algebra, columns };
}

/** Options that only some kinds have: absent from the definition of all others, whose states stay valid. */
function optionsOf({ n, rank, halfLife, q }: Aggregation): Record<string, JsonValue> {
  const halfLifeMs = halfLife === undefined ? undefined : parseDuration(halfLife);
  const options = Object.entries({ n, rank, halfLifeMs, q });
  return Object.fromEntries(options.filter((option): option is [string, number] => option[1] !== undefined));
}

function definitionOf(
  view: FeatureView,
  planned: readonly PlannedFeature[],
  freshness: FreshnessRule | null,
): JsonValue {
  const fieldTypes = (names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, { ...view.source.schema[name] }]));
  const describe = (aggregation: Aggregation): Record<string, JsonValue> => {
    const plan = planned.find((candidate) => candidate.aggregation === aggregation);
    assertInvariant(plan !== undefined, `view '${view.name}' has all of its aggregations planned`);
    return {
      kind: aggregation.kind,
      field: aggregation.field,
      // JSON has no infinity.
      windowMs: plan.hopMs === Infinity ? null : plan.windowMs,
      hopMs: plan.hopMs === Infinity ? null : plan.hopMs,
      where: plan.where,
      ...optionsOf(aggregation),
    };
  };
  return {
    name: view.name,
    version: view.version,
    entity: { name: view.entity.name, keys: [...view.entity.keys] },
    source: view.source.name,
    ...(view.source.changes === true ? { changes: true } : {}),
    eventTime: view.source.eventTime,
    keyFields: view.entity.keys.map((key) => view.keyFields[key] ?? key),
    fields: fieldTypes([...new Set(planned.flatMap((plan) => plan.aggregation.field ?? []))].sort()),
    // Only what changes a row or who gets one: a stale state that is served is the state.
    ...(freshness === null || freshness.ttlMs === Infinity ? {} : { ttlMs: freshness.ttlMs }),
    ...(freshness === null || freshness.onStale === 'serve'
      ? {}
      : { maxAgeMs: freshness.maxAgeMs, onStale: freshness.onStale }),
    // An array: the order of the features is the order of the values.
    features: Object.entries<ViewFeature>(view.features).map(([name, feature]) =>
      'parts' in feature
        ? { name, kind: feature.kind, parts: feature.parts.map(describe) }
        : { name, ...describe(feature) },
    ),
  };
}
