import type { JsonValue } from '../core/json.ts';
import { messageOf, MillraceError } from '../core/millrace-error.ts';
import { entityKeyOf } from '../define/entity.ts';
import type { FeatureService } from '../define/feature-service.ts';
import type { Field, Row, Schema } from '../define/field.ts';
import { requestSchemaOf } from '../define/request-schema.ts';
import { compileView } from './compile-view.ts';
import { planOnDemand } from './on-demand-plan.ts';
import { parseRow, type ParsedRow } from './parse-row.ts';
import type { OnDemandPlan, ServiceProgram } from './service-program.ts';
import type { ViewProgram } from './view-program.ts';

export type { ServiceProgram } from './service-program.ts';

/** Compiles a feature service that `validateProject` found no problem with. */
export function compileService(service: FeatureService): ServiceProgram {
  const served = [...new Map(service.views.map((view) => [view.name, view])).values()];
  const servedNames = new Set(served.map((view) => view.name));
  const needed = new Map(
    service.onDemand
      .flatMap((feature) => Object.values(feature.views))
      .filter((view) => !servedNames.has(view.name))
      .map((view) => [view.name, view]),
  );
  const views = [...served, ...needed.values()].map(compileView);
  const excluded = new Set(service.exclude);
  const viewFeatures = served.flatMap((view, v) =>
    Object.keys(view.features).map((name, feature) => ({ name: `${view.name}.${name}`, view: v, feature })),
  );
  const given = viewFeatures.filter(({ name }) => !excluded.has(name));
  const requestNumbers = fieldsOf(
    service.request,
    (field) => field.type === 'number' || field.type === 'boolean',
  );
  return {
    service,
    views,
    viewValues: views.map((view) => new Float64Array(view.featureNames.length)),
    numericNames: [
      ...given.map(({ name }) => name),
      ...service.onDemand.map(({ name }) => name),
      ...requestNumbers,
    ],
    categoryNames: fieldsOf(service.request, (field) => field.type === 'string'),
    requestSchema: requestSchemaOf(service),
    definition: definitionOf(service, views),
    viewNumbers: given.map(({ view, feature }) => ({ view, feature })),
    onDemand: service.onDemand.map((feature) => planOnDemand(feature, views)),
    requestNumbers,
  };
}

/** Parses a prediction request's instance; fields that the service does not read are ignored. */
export function parseInstance(program: ServiceProgram, instance: unknown): ParsedRow {
  return parseRow(program.requestSchema, instance);
}

/** Entity key of a view that the service reads, from a parsed instance; null where a key field is. */
export function requestKeyOf(view: ViewProgram, request: Row): string | null {
  return entityKeyOf(view.view.entity.keys, request);
}

/**
 * Writes one row: `numericNames.length` numbers, cast to float32, from `numbers[at]`, and
 * `categoryNames.length` categories from `categories[categoriesAt]`. Null is NaN; so is what is no
 * number in float32. On-demand answers of true and false become 1 and 0.
 * @param viewValues per view of the program its features in order, as `readFeatures` wrote them
 * @throws MillraceError FEATURE_ON_DEMAND_FAILED where an on-demand feature throws
 */
export function assembleRow(
  program: ServiceProgram,
  viewValues: readonly Float64Array[],
  request: Row,
  asOf: number,
  numbers: Float32Array,
  at: number,
  categories: (string | null)[],
  categoriesAt: number,
): void {
  let next = at;
  for (const { view, feature } of program.viewNumbers) numbers[next++] = viewValues[view]![feature]!;
  for (const plan of program.onDemand) {
    plan.bind(viewValues, request, asOf);
    numbers[next++] = numberOf(computeOnDemand(program, plan));
  }
  for (const name of program.requestNumbers) numbers[next++] = numberOf(request[name]);
  // -0, also of what is too small for a float32, becomes 0.
  for (let i = at; i < next; i++) numbers[i] = Number.isFinite(numbers[i]) ? numbers[i]! + 0 : NaN;
  let category = categoriesAt;
  for (const name of program.categoryNames) categories[category++] = (request[name] ?? null) as string | null;
}

function computeOnDemand(program: ServiceProgram, plan: OnDemandPlan): unknown {
  try {
    return plan.compute();
  } catch (cause) {
    throw new MillraceError(
      'FEATURE_ON_DEMAND_FAILED',
      `On-demand feature '${plan.name}' of feature service '${program.service.name}' threw: ${messageOf(cause)}. It must answer null where it has no value; views' features can be null.`,
      { cause },
    );
  }
}

function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return NaN;
}

function fieldsOf(schema: Schema, wanted: (field: Field) => boolean): string[] {
  return Object.entries(schema).flatMap(([name, field]) => (wanted(field) ? [name] : []));
}

function definitionOf(service: FeatureService, views: readonly ViewProgram[]): JsonValue {
  const fields = (schema: Schema): JsonValue =>
    Object.entries(schema).map(([name, { type, nullable }]) => ({ name, type, nullable }));
  return {
    name: service.name,
    views: views.map((view) => view.definition),
    servedViews: service.views.length,
    onDemand: service.onDemand.map((feature) => ({
      name: feature.name,
      views: Object.fromEntries(Object.entries(feature.views).map(([alias, view]) => [alias, view.name])),
      request: fields(feature.request),
    })),
    request: fields(service.request),
    exclude: [...service.exclude].sort(),
  };
}
