import { hasParts, partName, type FeatureDefinition, type ViewFeature } from '../aggregation.ts';
import type { Entity } from '../entity.ts';
import { fieldIn, type Schema } from '../field.ts';
import { VIEW_PARTITIONS_MAX, type FeatureView, type OnStale } from '../feature-view.ts';
import { checkAggregation } from './check-aggregation.ts';
import { checkReversible } from './check-reversible.ts';
import { checkDuration, DURATION_MAX_MS } from './check-duration.ts';
import { checkGroup } from './check-group.ts';
import { checkDefinitionName, checkFieldName, checkWholeNumber, quoted } from './check-names.ts';
import { duplicatesOf, enumerate, ProblemList } from './problem-list.ts';

export const VIEW_FEATURES_MAX = 256;
export const ENTITY_KEYS_MAX = 8;
const VIEW_VERSION_MAX = 1_000_000;
/** A shorter age is below what the stream needs to make an event visible on a busy day. */
const AGE_MIN_MS = 1_000;
const stalePolicies: readonly OnStale[] = ['serve', 'null', 'refuse'];

export function checkEntity(entity: Entity): readonly string[] {
  const problems = new ProblemList(`Entity '${entity.name}'`);
  checkDefinitionName(entity.name, problems);
  if (entity.keys.length > ENTITY_KEYS_MAX) {
    problems.add(
      `expected at most ${ENTITY_KEYS_MAX} key fields, found ${entity.keys.length}. Name the fields that tell one from another, or none for one entity of all events.`,
    );
  }
  for (const key of entity.keys) checkFieldName('key field', key, problems);
  for (const key of duplicatesOf(entity.keys)) {
    problems.add(`expected different key fields, found '${key}' twice. Leave one out.`);
  }
  return problems.all;
}

export function checkView(view: FeatureView): readonly string[] {
  const problems = new ProblemList(`Feature view '${view.name}'`);
  checkDefinitionName(view.name, problems);
  checkWholeNumber('version', view.version, { from: 1, to: VIEW_VERSION_MAX }, problems);
  checkWholeNumber('partitions', view.partitions, { from: 1, to: VIEW_PARTITIONS_MAX }, problems);
  checkKeyFields(view, problems);
  checkFreshness(view, problems);
  checkObjective(view, problems);
  const names = Object.keys(view.features);
  if (names.length < 1 || names.length > VIEW_FEATURES_MAX) {
    problems.add(
      `expected 1 to ${VIEW_FEATURES_MAX} features, found ${names.length}. ${names.length === 0 ? 'Add one' : 'Split the view'}.`,
    );
  }
  if (view.source.changes === true) checkReversible(view, problems);
  const checkedWithGroup = checkGroups(view, problems);
  for (const [name, feature] of Object.entries<ViewFeature>(view.features)) {
    checkFieldName('feature name', name, problems);
    if (checkedWithGroup.has(name)) continue;
    checkFeature(feature, view.source.schema, problems.about(`feature '${name}'`));
  }
  return problems.all;
}

function checkFeature(feature: ViewFeature, schema: Schema, problems: ProblemList): void {
  if (!hasParts(feature)) {
    checkAggregation(feature, schema, problems);
    return;
  }
  // A combination, or a group, in place of an aggregation is found by its kind.
  feature.parts.forEach((part, i) => {
    checkAggregation(
      part,
      schema,
      problems.about(`${feature.kind} of ${i === 0 ? 'the first' : 'the second'}`),
    );
  });
}

/**
 * Checks each group once, where its parts would all have the same problem, and that no two features come to
 * one name.
 * @returns names of the features that are parts of a group
 */
function checkGroups(view: FeatureView, problems: ProblemList): ReadonlySet<string> {
  const names: string[] = [];
  const partNames: string[] = [];
  for (const [name, definition] of Object.entries<FeatureDefinition | undefined>(view.definitions)) {
    if (definition?.kind !== 'group') {
      names.push(name);
      continue;
    }
    const about = problems.about(`feature '${name}'`);
    checkGroup(definition, view.source.schema, about);
    const [first] = definition.parts;
    if (first !== undefined) {
      // The condition of a bucket is checked as the bucket; what is left of it is what the user wrote.
      const where = 'n' in definition.by ? first.aggregation.where : (definition.by.where ?? {});
      checkAggregation(
        { ...first.aggregation, ...(where === undefined ? {} : { where }) },
        view.source.schema,
        about,
      );
    }
    // Within a group names that come twice are the group's own problem.
    partNames.push(...new Set(definition.parts.map(({ suffix }) => partName(name, suffix))));
  }
  for (const name of duplicatesOf([...names, ...partNames])) {
    problems.add(
      `expected different features, found '${name}' made twice by the definitions. Rename one of them.`,
    );
  }
  return new Set(partNames);
}

function checkKeyFields(view: FeatureView, problems: ProblemList): void {
  const { schema, name: sourceName } = view.source;
  const able = Object.keys(schema).filter((field) => schema[field]?.type === 'string');
  for (const [key, field] of Object.entries(view.keyFields)) {
    const advice = `Map it with keyFields: { ${key}: ... } to one of ${enumerate(able)}.`;
    const found = fieldIn(schema, field);
    if (found === undefined) {
      problems.add(
        `expected key '${key}' as a string field of source '${sourceName}', found no field '${field}'. ${advice}`,
      );
    } else if (found.type !== 'string') {
      problems.add(
        `expected key '${key}' as a string field of source '${sourceName}', found ${found.type} '${field}'. ${advice}`,
      );
    }
  }
}

function checkObjective({ maxAge, freshnessObjective }: FeatureView, problems: ProblemList): void {
  if (freshnessObjective === undefined) return;
  if (!(freshnessObjective > 0 && freshnessObjective < 1)) {
    problems.add(
      `expected freshnessObjective as a number between 0 and 1, found ${String(freshnessObjective)}. Set it to the share of reads that are to be fresh, such as 0.999.`,
    );
  }
  if (maxAge === undefined) {
    problems.add(
      `expected freshnessObjective beside a maxAge, found it alone. Say from which age on a state is stale, or leave it out.`,
    );
  }
}

function checkFreshness({ maxAge, onStale, ttl }: FeatureView, problems: ProblemList): void {
  const range = { fromMs: AGE_MIN_MS, toMs: DURATION_MAX_MS };
  const maxAgeMs = maxAge === undefined ? undefined : checkDuration('maxAge', maxAge, range, problems);
  const ttlMs = ttl === undefined ? undefined : checkDuration('ttl', ttl, range, problems);
  if (maxAgeMs !== undefined && ttlMs !== undefined && maxAgeMs > ttlMs) {
    problems.add(
      `expected maxAge of at most the ttl '${ttl}', found '${maxAge}': a state older than the ttl is not there. Shorten it, or lengthen the ttl.`,
    );
  }
  if (onStale === undefined) return;
  if (!stalePolicies.includes(onStale)) {
    problems.add(
      `expected onStale as one of ${enumerate(stalePolicies)}, found ${quoted(onStale)}. Choose one.`,
    );
  }
  if (maxAge === undefined) {
    problems.add(
      `expected onStale beside a maxAge, found it alone. Say from which age on a state is stale, or leave it out.`,
    );
  }
}
