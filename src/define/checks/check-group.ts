import type { AggregationGroup, BucketBy } from '../aggregation.ts';
import { BUCKETS_MAX, LAST_N_MAX, OTHER_BIN, TOP_K_MAX } from '../aggregations.ts';
import type { Condition } from '../condition.ts';
import { safeName } from '../feature-names.ts';
import { fieldIn, type Schema } from '../field.ts';
import { checkWholeNumber, quoted } from './check-names.ts';
import { duplicatesOf, enumerate, type ProblemList } from './problem-list.ts';

/** What tells the parts of a group apart; the parts themselves are checked as the features that they are. */
export function checkGroup({ by, parts }: AggregationGroup, schema: Schema, problems: ProblemList): void {
  if ('n' in by) {
    const to = by.option === 'k' ? TOP_K_MAX : LAST_N_MAX;
    checkWholeNumber(by.option, by.n, { from: 1, to }, problems);
    return;
  }
  if ('edges' in by) {
    checkField('a histogram with edges', by.field, 'number', schema, problems);
    checkWhere('a histogram', by.field, by.where, problems);
    checkEdges(by.field, by.edges, parts.map(({ suffix }) => suffix), problems);
    return;
  }
  const what = by.hasOther ? 'a histogram with values' : 'bucketBy';
  checkField(what, by.field, 'string', schema, problems);
  checkWhere(by.hasOther ? 'a histogram' : what, by.field, by.where, problems);
  checkValues(what, by, problems);
}

function checkField(
  what: string,
  field: string,
  type: 'string' | 'number',
  schema: Schema,
  problems: ProblemList,
): void {
  const given = fieldIn(schema, field);
  if (given?.type === type) return;
  const able = Object.keys(schema).filter((name) => schema[name]?.type === type);
  const found = given === undefined ? quoted(field) : `${given.type} '${field}'`;
  problems.add(
    `expected ${what} of a ${type} field of the source, found ${found}. Fields that it can take: ${enumerate(able)}.`,
  );
}

function checkWhere(what: string, field: string, where: Condition | null, problems: ProblemList): void {
  if (!Object.hasOwn(where ?? {}, field)) return;
  problems.add(
    `expected ${what} of another field than its 'where' tests, found '${field}' in both. Leave out the values that 'where' refuses.`,
  );
}

function checkEdges(field: string, edges: readonly number[], suffixes: readonly string[], problems: ProblemList): void {
  const given: unknown = edges;
  const isAscending =
    Array.isArray(given) &&
    edges.every((edge, i) => Number.isFinite(edge) && (i === 0 || edge > (edges[i - 1] as number)));
  if (isAscending && edges.length >= 1 && edges.length <= BUCKETS_MAX) {
    for (const name of duplicatesOf(suffixes)) {
      problems.add(`expected edges of a histogram of '${field}' to make bins of different names, found '${name}' made twice. Round the edges.`);
    }
    return;
  }
  const found = Array.isArray(given) ? `[${edges.slice(0, BUCKETS_MAX).join(', ')}]` : quoted(edges);
  problems.add(
    `expected edges of a histogram of '${field}' as 1 to ${BUCKETS_MAX} ascending numbers, found ${found}. List them.`,
  );
}

function checkValues(kind: string, { field, values, hasOther }: BucketBy & { hasOther: boolean }, problems: ProblemList): void {
  const what = `${kind} of '${field}'`;
  const given: unknown = values;
  const isList = Array.isArray(given);
  if (!isList || values.length < 1 || values.length > BUCKETS_MAX) {
    const found = isList ? `${values.length} values` : quoted(values);
    problems.add(`expected ${what} to list 1 to ${BUCKETS_MAX} values, found ${found}. List them${hasOther ? '' : ", or use topK for values that are not known beforehand"}.`);
    return;
  }
  const wrong = values.filter((value: unknown) => typeof value !== 'string');
  if (wrong.length > 0) {
    problems.add(
      `expected ${what} to list texts, found ${wrong.map(quoted).join(', ')}. Correct the values.`,
    );
    return;
  }
  const named = hasOther ? [...values, OTHER_BIN] : values;
  for (const name of duplicatesOf(named.map(safeName))) {
    const same = named.filter((value) => safeName(value) === name);
    problems.add(
      `expected ${what} to list values of different names, found ${enumerate(same)}, which all become '${name}'. Leave all but one out.`,
    );
  }
}
