import type { FeatureService } from '../feature-service.ts';
import type { OnDemandFeature } from '../on-demand.ts';
import { requestFieldsOf, type RequestField } from '../request-schema.ts';
import { checkDefinitionName, checkFieldName, checkSchema } from './check-names.ts';
import { duplicatesOf, enumerate, ProblemList } from './problem-list.ts';

export const SERVICE_FEATURES_MAX = 4_096;
/** What an on-demand function is given beside its views. */
const onDemandInputs: readonly string[] = ['request', 'asOf'];

export function checkService(service: FeatureService): readonly string[] {
  const problems = new ProblemList(`Feature service '${service.name}'`);
  checkDefinitionName(service.name, problems);
  for (const name of duplicatesOf(service.views.map((view) => view.name))) {
    problems.add(`expected each view once, found '${name}' twice. Leave one out.`);
  }
  for (const feature of service.onDemand)
    checkOnDemand(feature, problems.about(`on-demand feature '${feature.name}'`));
  checkRequest(service, problems);
  checkFeatureNames(service, problems);
  return problems.all;
}

function checkOnDemand(feature: OnDemandFeature, problems: ProblemList): void {
  checkDefinitionName(feature.name, problems);
  checkSchema(feature.request, problems);
  for (const alias of Object.keys(feature.views)) {
    checkFieldName('name for a view', alias, problems);
    if (onDemandInputs.includes(alias)) {
      problems.add(
        `expected another name for a view than ${enumerate(onDemandInputs)}, found '${alias}'. Rename it.`,
      );
    }
  }
  if (typeof feature.compute !== 'function') {
    problems.add(`expected compute to be a function, found ${typeof feature.compute}. Give one.`);
  }
}

function checkRequest(service: FeatureService, problems: ProblemList): void {
  checkSchema(service.request, problems);
  for (const [name, field] of Object.entries(service.request)) {
    if (field.type === 'timestamp') {
      problems.add(
        `expected request features of type number, boolean or string, found timestamp '${name}'. Make an on-demand feature of it, such as its hour.`,
      );
    }
  }
  const first = new Map<string, RequestField>();
  for (const wish of requestFieldsOf(service)) {
    const before = first.get(wish.name);
    if (before === undefined) {
      first.set(wish.name, wish);
    } else if (before.field.type !== wish.field.type) {
      problems.add(
        `expected one type for request field '${wish.name}', found ${before.field.type} (${before.askedBy}) and ${wish.field.type} (${wish.askedBy}). Rename one of them.`,
      );
    }
  }
}

function checkFeatureNames(service: FeatureService, problems: ProblemList): void {
  const viewFeatures = service.views.flatMap((view) =>
    Object.keys(view.features).map((name) => `${view.name}.${name}`),
  );
  const given = viewFeatures.filter((name) => !service.exclude.includes(name));
  for (const name of service.exclude) {
    if (!viewFeatures.includes(name)) {
      problems.add(
        `expected exclude to name features of its views as 'view.feature', found '${name}'. Correct or remove it.`,
      );
    }
  }
  const other = [...service.onDemand.map((feature) => feature.name), ...Object.keys(service.request)];
  for (const name of duplicatesOf(other)) {
    problems.add(
      `expected different names for on-demand and request features, found '${name}' twice. Rename one of them.`,
    );
  }
  const count = given.length + other.length;
  if (count < 1 || count > SERVICE_FEATURES_MAX) {
    problems.add(
      `expected 1 to ${SERVICE_FEATURES_MAX} features, found ${count}. ${count === 0 ? 'Add a view' : 'Leave some out with exclude'}.`,
    );
  }
}
