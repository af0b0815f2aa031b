import type { JsonValue } from '../core/json.ts';
import type { Field } from '../define/field.ts';
import type { Source } from '../define/source.ts';
import { derivationProblems, type DerivationDefinition } from './derived/derivation-definition.ts';
import { IDENTIFIER_BYTES_MAX, reservedFieldNames } from './log-table.ts';
import type { LiveView } from './live-views.ts';
import { fieldsOfView } from './view-events.ts';

export interface SourceProblem {
  readonly code: 'PLAN_SOURCE_INCOMPATIBLE';
  readonly message: string;
}

export interface SourceChange {
  readonly newColumns: readonly { readonly source: string; readonly name: string; readonly field: Field }[];
  /** Columns of the log that may be null from now on. */
  readonly loosened: readonly { readonly source: string; readonly name: string }[];
  /** Fields that are gone; their columns stay, null for new events. */
  readonly dropped: readonly { readonly source: string; readonly name: string }[];
  readonly problems: readonly SourceProblem[];
}

/** Settings of a source that can't change under the events that it has. */
const FIXED_SETTINGS = ['id', 'eventTime', 'knownTime', 'partitions', 'changes'] as const;

export interface AppliedDerivation {
  readonly derivation?: DerivationDefinition;
}

/**
 * Whether a source's events of the past, its log and the views that run over it bear what it is to become. Compatible:
 * a new nullable field; a nullable field that is gone and that no view reads; a required field that becomes nullable
 * and that no view aggregates. A type never changes: log, states and model versions hold values of the old one.
 * @param live the views that run over the source, whichever of them the project's file has
 */
export function compareSource(
  source: Source,
  applied: JsonValue | undefined,
  live: readonly LiveView[],
): SourceChange {
  const problems: string[] = namingProblems(source);
  const change = { newColumns: [] as SourceChange['newColumns'][number][], loosened: [] as SourceChange['loosened'][number][], dropped: [] as SourceChange['dropped'][number][] };
  if (applied !== undefined) {
    const before = applied as unknown as Source & AppliedDerivation;
    problems.push(...settingProblems(source, before), ...derivationProblems(source, before.derivation));
    for (const [name, field] of Object.entries(before.schema)) {
      const problem = fieldProblem(name, field, source.schema[name], readersOf(live, name));
      if (problem !== null) problems.push(problem);
      else if (source.schema[name] === undefined) change.dropped.push({ source: source.name, name });
      else if (source.schema[name].nullable && !field.nullable)
        change.loosened.push({ source: source.name, name });
    }
    for (const [name, field] of Object.entries(source.schema)) {
      if (before.schema[name] !== undefined) continue;
      if (!field.nullable) {
        problems.push(
          `the new field '${name}' is required, but the events of the past don't have it. Make it nullable.`,
        );
      }
      change.newColumns.push({ source: source.name, name, field });
    }
  }
  return {
    ...change,
    problems: problems.map((text) => sourceProblem(source, text)),
  };
}

export const sourceProblem = ({ name }: Source, text: string): SourceProblem => ({
  code: 'PLAN_SOURCE_INCOMPATIBLE',
  message: `Source '${name}': ${text}`,
});

const namingProblems = (source: Source): string[] => [
  ...[source.name, ...Object.keys(source.schema)]
    .filter((name) => Buffer.byteLength(name) > IDENTIFIER_BYTES_MAX)
    .map((name) => `the name '${name}' has more than ${IDENTIFIER_BYTES_MAX} bytes. Shorten it.`),
  ...Object.keys(source.schema)
    .filter((field) => reservedFieldNames.has(field))
    .map((name) => `the field '${name}' has the name of a column of the offline log. Rename it.`),
];

const settingProblems = (source: Source, before: Source): string[] =>
  FIXED_SETTINGS.filter((setting) => before[setting] !== source[setting]).map(
    (setting) =>
      `${setting} was '${before[setting] ?? false}' and is now '${source[setting] ?? false}'. Keep it, or make a new source.`,
  );

interface Readers {
  /** Views that read the field at all, and those that aggregate it, as `'name' version n`. */
  readonly reading: readonly string[];
  readonly aggregating: readonly string[];
}

function readersOf(live: readonly LiveView[], field: string): Readers {
  const textOf = ({ program }: LiveView): string => `'${program.name}' version ${program.version}`;
  const aggregates = ({ program }: LiveView): boolean =>
    Object.values(program.view.features).some((feature) =>
      ('parts' in feature ? feature.parts : [feature]).some((aggregation) => aggregation.field === field),
    );
  return {
    reading: live.filter(({ program }) => fieldsOfView(program).includes(field)).map(textOf),
    aggregating: live.filter(aggregates).map(textOf),
  };
}

/** Null where the field may become what it is now. */
function fieldProblem(
  name: string,
  before: Field,
  now: Field | undefined,
  { reading, aggregating }: Readers,
): string | null {
  if (now === undefined) {
    if (reading.length > 0)
      return `the field '${name}' is gone, and feature view ${reading.join(', ')} reads it. Keep it until no model version needs the view.`;
    return before.nullable
      ? null
      : `the required field '${name}' is gone. Make it nullable first, and leave it out once every sender and process has that.`;
  }
  if (now.type !== before.type) {
    const widened =
      before.type === 'boolean' && now.type === 'number' ? ' A number has room for it, but' : ' The';
    return `the field '${name}' was ${textOf(before)} and is now ${textOf(now)}.${widened} log, states and model versions hold the old type. Keep it, and add a nullable field of another name.`;
  }
  if (before.nullable && !now.nullable)
    return `the field '${name}' was ${textOf(before)} and is now ${textOf(now)}. Events of the past may hold null. Keep it nullable.`;
  if (now.nullable && !before.nullable && aggregating.length > 0)
    return `the field '${name}' was ${textOf(before)} and is now ${textOf(now)}, and feature view ${aggregating.join(', ')} counts on a value in each event. Keep it, and add a nullable field of another name for a new version of the view.`;
  return null;
}

const textOf = (field: Field): string => `${field.nullable ? 'nullable ' : ''}${field.type}`;
