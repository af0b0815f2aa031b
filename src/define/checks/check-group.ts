import type { AggregationGroup, BucketBy } from '../aggregation.ts';
import { BUCKETS_MAX, LAST_N_MAX } from '../aggregations.ts';
import type { Condition } from '../condition.ts';
import { safeName } from '../feature-names.ts';
import type { Schema } from '../field.ts';
import { checkWholeNumber, quoted } from './check-names.ts';
import { duplicatesOf, enumerate, type ProblemList } from './problem-list.ts';

/** What tells the parts of a group apart; the parts themselves are checked as the features that they are. */
export function checkGroup({ by }: AggregationGroup, schema: Schema, problems: ProblemList): void {
  if ('n' in by) {
    checkWholeNumber('n', by.n, { from: 1, to: LAST_N_MAX }, problems);
    return;
  }
  checkBucketField(by.field, by.where, schema, problems);
  checkValues(by, problems);
}

function checkBucketField(
  field: string,
  where: Condition | null,
  schema: Schema,
  problems: ProblemList,
): void {
  if (schema[field]?.type !== 'string') {
    const able = Object.keys(schema).filter((name) => schema[name]?.type === 'string');
    const found = schema[field] === undefined ? quoted(field) : `${schema[field].type} '${field}'`;
    problems.add(
      `expected bucketBy of a string field of the source, found ${found}. Fields that it can take: ${enumerate(able)}.`,
    );
  } else if (Object.hasOwn(where ?? {}, field)) {
    problems.add(
      `expected bucketBy of another field than its 'where' tests, found '${field}' in both. Leave out the values that 'where' refuses.`,
    );
  }
}

function checkValues({ field, values }: BucketBy, problems: ProblemList): void {
  const what = `bucketBy of '${field}'`;
  const given: unknown = values;
  const isList = Array.isArray(given);
  if (!isList || values.length < 1 || values.length > BUCKETS_MAX) {
    const found = isList ? `${values.length} values` : quoted(values);
    problems.add(`expected ${what} to list 1 to ${BUCKETS_MAX} values, found ${found}. List them.`);
    return;
  }
  const wrong = values.filter((value: unknown) => typeof value !== 'string');
  if (wrong.length > 0) {
    problems.add(
      `expected ${what} to list texts, found ${wrong.map(quoted).join(', ')}. Correct the values.`,
    );
    return;
  }
  for (const name of duplicatesOf(values.map(safeName))) {
    const same = values.filter((value) => safeName(value) === name);
    problems.add(
      `expected ${what} to list values of different names, found ${enumerate(same)}, which all become '${name}'. Leave all but one out.`,
    );
  }
}
