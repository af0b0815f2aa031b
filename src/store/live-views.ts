import type { JsonValue } from '../core/json.ts';
import { MillraceError } from '../core/millrace-error.ts';
import type { Project } from '../define/project.ts';
import type { Source } from '../define/source.ts';
import { compileView, type ViewProgram } from '../fold/compile-view.ts';
import { viewOfDefinition, type DefinedView } from '../fold/view-of-definition.ts';
import type { Queryable } from '../infra/postgres.ts';
import { programsOf, viewDefinition } from './project-definitions.ts';
import type { ViewVersionState } from './view-versions.ts';

/** A version of a view that runs: applied, and not gone. */
export interface LiveView {
  readonly program: ViewProgram;
  readonly state: ViewVersionState;
}

interface AppliedViewRow {
  readonly name: string;
  readonly version: number;
  readonly state: ViewVersionState;
  readonly digest: string;
  readonly definition: { readonly partitions: number; readonly program: JsonValue };
}

/**
 * All versions of views that run, whichever of them the project's file has: a changed file changes nothing until it is
 * applied, and a version that a model still reads runs on after it left the file. A view that was never applied
 * runs as the file has it.
 */
export async function readLiveViews(
  db: Queryable,
  project: Pick<Project, 'views' | 'sources'>,
): Promise<LiveView[]> {
  const rows = await db.query<AppliedViewRow>(
    `SELECT v.name, v.version, v.state, d.digest, d.definition
     FROM millrace.view_versions v
     JOIN millrace.definitions d ON d.kind = 'featureView' AND d.name = v.name AND d.version = v.version
     WHERE v.state <> 'gone' ORDER BY v.name, v.version`,
  );
  const own = programsOf(project);
  const applied = new Set(rows.map(({ name }) => name));
  return [
    ...rows.flatMap((row): LiveView[] => {
      const program = own.find((p) => isApplied(p, row)) ?? rebuilt(row, project.sources);
      return program === null ? [] : [{ program, state: row.state }];
    }),
    ...own
      .filter(({ name }) => !applied.has(name))
      .map((program): LiveView => ({ program, state: 'current' })),
  ];
}

/** Changes with what `readLiveViews` answers, and costs a small part of it: for those who look again and again. */
export async function liveViewsText(db: Queryable): Promise<string> {
  const [row] = await db.query<{ text: string | null }>(
    `SELECT string_agg(concat_ws('/', v.name, v.version, v.state, d.digest), ',' ORDER BY v.name, v.version) AS text
     FROM millrace.view_versions v
     JOIN millrace.definitions d ON d.kind = 'featureView' AND d.name = v.name AND d.version = v.version
     WHERE v.state <> 'gone'`,
  );
  return row?.text ?? '';
}

/** States whose versions the consumers fold: those before are filled from the log. */
const foldedStates: readonly ViewVersionState[] = ['comparing', 'current', 'retiring'];

export const isFolded = ({ state }: LiveView): boolean => foldedStates.includes(state);

/** The project's own program is taken where it is the same: its `maxAge` and its groups are as they were written. */
const isApplied = (program: ViewProgram, row: AppliedViewRow): boolean =>
  program.name === row.name &&
  program.version === row.version &&
  viewDefinition(program).digest === row.digest;

/** Null where the project no longer has the view's source: nobody reads its events then. */
function rebuilt({ definition }: AppliedViewRow, sources: readonly Source[]): ViewProgram | null {
  const { source: name } = definition.program as unknown as DefinedView;
  const source = sources.find((candidate) => candidate.name === name);
  return source === undefined
    ? null
    : compileView(viewOfDefinition(definition.program, definition.partitions, source));
}

/** @throws MillraceError FEATURE_VIEW_NOT_FOUND listing what runs */
export function liveViewNamed(live: readonly LiveView[], view: string, version: number): LiveView {
  const found = live.find(({ program }) => program.name === view && program.version === version);
  if (found !== undefined) return found;
  const known = live.map(({ program }) => `${program.name} (version ${program.version})`).join(', ');
  throw new MillraceError(
    'FEATURE_VIEW_NOT_FOUND',
    `Feature view '${view}' version ${version} does not run: it was not applied, or nothing needed it any more. What runs: ${known}.`,
  );
}
