import { CHANGE_ID, CHANGE_SIGN, changeFields } from '../change-fields.ts';
import { derivationOf } from '../derivation.ts';
import { SOURCE_PARTITIONS_MAX, type Source } from '../source.ts';
import { fieldIn } from '../field.ts';
import { parseDuration } from '../../core/duration.ts';
import { checkDerived } from './check-derived.ts';
import { checkDuration } from './check-duration.ts';
import { checkDefinitionName, checkSchema, checkWholeNumber, quoted } from './check-names.ts';
import { enumerate, ProblemList } from './problem-list.ts';

const DAY_MS = 86_400_000;
/** An event may lie this far in the future of its known time, at most. */
const CLOCK_SKEW_MAX_MS = DAY_MS;
const DEDUPE_WINDOW_MAX_MS = 90 * DAY_MS;

/** Columns that every offline log has beside the source's own, and those that Postgres keeps for itself. */
const reservedColumns: ReadonlySet<string> = new Set([
  ...['source_partition', 'source_offset', 'event_time', 'effective_time', 'known_time'],
  ...['ctid', 'cmax', 'cmin', 'tableoid', 'xmax', 'xmin'],
]);

export function checkSource(source: Source): readonly string[] {
  const problems = new ProblemList(`Source '${source.name}'`);
  checkDefinitionName(source.name, problems);
  checkSchema(source.schema, problems);
  for (const field of Object.keys(source.schema)) {
    if (reservedColumns.has(field)) {
      problems.add(
        `expected a field that is no column of the offline log, found '${field}'. Rename it, for example '${field}_given'.`,
      );
    }
  }
  checkRole(source, 'id', source.id, 'string', problems);
  checkRole(source, 'eventTime', source.eventTime, 'timestamp', problems);
  if (source.knownTime !== 'broker' && source.knownTime !== 'carried') {
    problems.add(
      `expected knownTime 'broker' or 'carried', found ${quoted(source.knownTime)}. Use one of them.`,
    );
  }
  checkDuration('clockSkew', source.clockSkew, { fromMs: 0, toMs: CLOCK_SKEW_MAX_MS }, problems);
  checkDuration('dedupeWindow', source.dedupeWindow, { fromMs: 0, toMs: DEDUPE_WINDOW_MAX_MS }, problems);
  checkWholeNumber('partitions', source.partitions, { from: 1, to: SOURCE_PARTITIONS_MAX }, problems);
  if (source.changes === true) checkChanges(source, problems);
  const derivation = derivationOf(source);
  if (derivation !== undefined) checkDerived(source, derivation, problems);
  return problems.all;
}

function checkChanges(source: Source, problems: ProblemList): void {
  for (const name of [CHANGE_ID, CHANGE_SIGN] as const) {
    if (source.schema[name] !== changeFields[name]) {
      problems.add(
        `expected no field '${name}' of its own, since a source with changes has one, found it in the schema. Rename it.`,
      );
    }
  }
  if (parseDuration(source.clockSkew) !== 0) {
    problems.add(
      `expected clockSkew '0s' of a source with changes, found ${quoted(source.clockSkew)}: an event time that is moved to the known time could not be found again by the change that takes it back. Leave it out.`,
    );
  }
}

function checkRole(
  source: Source,
  role: 'id' | 'eventTime',
  name: string,
  type: 'string' | 'timestamp',
  problems: ProblemList,
): void {
  const field = fieldIn(source.schema, name);
  const able = Object.keys(source.schema).filter(
    (key) => source.schema[key]?.type === type && source.schema[key].nullable === false,
  );
  if (field === undefined) {
    problems.add(
      `expected ${role} to name a field, found ${quoted(name)}. Fields that can be it: ${enumerate(able)}.`,
    );
  } else if (field.type !== type || field.nullable) {
    problems.add(
      `expected ${role} '${name}' to be a ${type} that is never null, found ${field.nullable ? 'a nullable ' : 'a '}${field.type}. Fields that can be it: ${enumerate(able)}.`,
    );
  }
}
