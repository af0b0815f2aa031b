import { assertInvariant } from '../core/assert-invariant.ts';
import { parseDuration } from '../core/duration.ts';
import { fnv1a32 } from '../core/fnv1a.ts';
import { canonicalJson, type JsonValue } from '../core/json.ts';
import type { Aggregation } from '../define/aggregation.ts';
import { entityKeyOf } from '../define/entity.ts';
import type { FeatureView } from '../define/feature-view.ts';
import type { Row } from '../define/field.ts';
import { windowAndHop } from '../define/hop-ladder.ts';
import { algebraOf } from './aggregations/algebra-of.ts';
import { compileCondition } from './compile-condition.ts';
import { InputTable } from './input-table.ts';
import { planResolution, type PlannedFeature } from './plan-resolution.ts';
import type { ViewProgram } from './view-program.ts';

export type { ViewProgram } from './view-program.ts';

/**
 * Compiles a view that `validateProject` found no problem with.
 *
 * Prepared inputs are the distinct pairs of field and condition; features of one hop that need the same
 * intermediate result of the same input share its slots.
 */
export function compileView(view: FeatureView): ViewProgram {
  const inputs = new InputTable(view);
  const featureNames = Object.keys(view.features);
  const planned = featureNames.map((name, feature) => planFeature(view, name, feature, inputs));
  const hops = [...new Set(planned.map((feature) => feature.hopMs))].sort((a, b) => a - b);
  const definition = definitionOf(view, planned);
  return {
    view,
    name: view.name,
    version: view.version,
    partitions: view.partitions,
    featureNames,
    inputCount: inputs.fields.length,
    eventInputs: inputs.fields.map((field) => field === null),
    inputGroups: inputs.groups(),
    keyFields: view.entity.keys.map((key) => view.keyFields[key] ?? key),
    resolutions: hops.map((hopMs) =>
      planResolution(
        hopMs,
        planned.filter((feature) => feature.hopMs === hopMs),
      ),
    ),
    longestWindowMs: Math.max(...planned.map((feature) => feature.windowMs)),
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
 * for the event itself; NaN where it is null or the event does not pass the input's condition.
 */
export function prepareEvent(program: ViewProgram, row: Row, out: Float64Array, at: number): void {
  for (const group of program.inputGroups) {
    const passes = group.test === null || group.test(row);
    for (const input of group.inputs) {
      if (!passes) out[at + input.at] = NaN;
      else out[at + input.at] = input.field === null ? 1 : numberOf(row[input.field]);
    }
  }
}

/** NaN is null; -0 becomes 0, so that equal values have equal bits. */
function numberOf(value: unknown): number {
  if (typeof value === 'number') return value + 0;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return NaN;
}

function planFeature(view: FeatureView, name: string, feature: number, inputs: InputTable): PlannedFeature {
  const aggregation = view.features[name];
  assertInvariant(aggregation !== undefined, `view '${view.name}' has a feature '${name}'`);
  const window = windowAndHop(aggregation);
  assertInvariant(
    window !== undefined,
    `view '${view.name}', feature '${name}' was validated before it is compiled`,
  );
  const algebra = algebraOf(aggregation);
  const condition = compileCondition(aggregation.where);
  const fieldInput = algebra.prepare === 'field' ? inputs.of(aggregation.field, condition) : null;
  // Counting a field that is never null is counting events: one slot serves both.
  const nullable = aggregation.field !== null && view.source.schema[aggregation.field]?.nullable === true;
  const columns = algebra.intermediates.map((intermediate) => ({
    intermediate,
    input:
      fieldInput === null || (intermediate.name === 'eventCount' && !nullable)
        ? inputs.of(null, condition)
        : fieldInput,
  }));
  return {
    feature,
    algebra,
    ...window,
    columns,
    kind: aggregation.kind,
    field: aggregation.field,
    where: condition?.normal ?? null,
  };
}

/** Options that only some kinds have: absent from the definition of all others, whose states stay valid. */
function optionsOf({ n, rank, halfLife }: Aggregation): Record<string, JsonValue> {
  const halfLifeMs = halfLife === undefined ? undefined : parseDuration(halfLife);
  const options = Object.entries({ n, rank, halfLifeMs });
  return Object.fromEntries(options.filter((option): option is [string, number] => option[1] !== undefined));
}

function definitionOf(view: FeatureView, planned: readonly PlannedFeature[]): JsonValue {
  const fieldTypes = (names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, { ...view.source.schema[name] }]));
  const feature = (aggregation: Aggregation, plan: PlannedFeature): JsonValue => ({
    kind: aggregation.kind,
    field: aggregation.field,
    windowMs: plan.windowMs,
    hopMs: plan.hopMs,
    where: plan.where,
    ...optionsOf(aggregation),
  });
  const names = Object.keys(view.features);
  return {
    name: view.name,
    version: view.version,
    entity: { name: view.entity.name, keys: [...view.entity.keys] },
    source: view.source.name,
    eventTime: view.source.eventTime,
    keyFields: view.entity.keys.map((key) => view.keyFields[key] ?? key),
    fields: fieldTypes([...new Set(planned.flatMap((plan) => plan.field ?? []))].sort()),
    // An array: the order of the features is the order of the values.
    features: names.map((name, i) => ({
      name,
      ...(feature(view.features[name] as Aggregation, planned[i] as PlannedFeature) as Record<
        string,
        JsonValue
      >),
    })),
  };
}
