import { formatDuration } from '../core/duration.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import type { Queryable } from '../infra/postgres.ts';
import { readIngestPositions } from './ingest-positions.ts';
import { viewDefinition, type AppliedDefinition } from './project-definitions.ts';
import { unfinishedStates, type ViewVersion } from './view-versions.ts';

/** A model version that pins versions of views; the registry tells which do. */
export interface PinnedViews {
  readonly model: string;
  readonly modelVersion: number;
  readonly why: string;
  /** View name -> version. */
  readonly views: Readonly<Record<string, number>>;
}

/** What becomes of the versions of views when a project is applied. */
export interface ViewPlan {
  /** New ones without history: current at once, the version before them retires. */
  readonly start: readonly ViewProgram[];
  /** Those over history, new or begun and not finished: filled beside the current version. */
  readonly fill: readonly ViewProgram[];
  /** Versions that the project went back to while their states were still kept up. */
  readonly flipBack: readonly ViewProgram[];
  /** Versions that the project no longer has and that are not retiring yet. */
  readonly retire: readonly ViewVersion[];
  /** Retired for longer than the keep time, and no model version needs them: they go. Also those that are gone, and whose topic or states may be left. */
  readonly remove: readonly ViewVersion[];
  /** Retired, and kept: why. */
  readonly kept: readonly { readonly version: ViewVersion; readonly why: string }[];
}

export interface ViewPlanInput {
  readonly programs: readonly ViewProgram[];
  readonly applied: readonly AppliedDefinition[];
  readonly versions: readonly ViewVersion[];
  /** Null where nobody can tell what is needed: nothing is removed then. */
  readonly pinned: readonly PinnedViews[] | null;
  readonly keepMs: number;
  readonly now: number;
}

export async function planViews(db: Queryable, input: ViewPlanInput): Promise<ViewPlan> {
  const { programs, versions } = input;
  const rowOf = ({ name, version }: ViewProgram) => versions.find((row) => row.name === name && row.version === version);
  const stateOf = (program: ViewProgram) => rowOf(program)?.state ?? 'gone';
  // One that left before it was filled has part of its states, and was never held against the raw rows.
  const isUnfinished = (program: ViewProgram): boolean =>
    unfinishedStates.includes(stateOf(program)) || (stateOf(program) === 'retiring' && rowOf(program)?.wasCurrent === false);
  const same = (program: ViewProgram): boolean =>
    input.applied.some(
      (d) =>
        d.kind === 'featureView' &&
        d.name === program.name &&
        d.version === program.version &&
        d.digest === viewDefinition(program).digest,
    );
  const unapplied = programs.filter((program) => stateOf(program) === 'gone');
  const withHistory: ViewProgram[] = [];
  for (const program of unapplied) if (await hasHistory(db, program)) withHistory.push(program);
  const begun = programs.filter((program) => isUnfinished(program) && same(program));
  const isOwn = (row: ViewVersion): boolean =>
    programs.some(({ name, version }) => name === row.name && version === row.version);
  const isFollowed = (row: ViewVersion): boolean => programs.some(({ name }) => name === row.name);
  return {
    start: unapplied.filter((program) => !withHistory.includes(program)),
    fill: [...withHistory, ...begun],
    flipBack: programs.filter((program) => stateOf(program) === 'retiring' && !isUnfinished(program) && same(program)),
    // A current version retires by the flip to the one that follows it.
    retire: versions.filter(
      (row) =>
        !isOwn(row) &&
        (unfinishedStates.includes(row.state) || (row.state === 'current' && !isFollowed(row))),
    ),
    ...planRemovals(input, isOwn),
  };
}

function planRemovals(
  { versions, pinned, keepMs, now }: ViewPlanInput,
  isOwn: (row: ViewVersion) => boolean,
): Pick<ViewPlan, 'remove' | 'kept'> {
  const remove: ViewVersion[] = [];
  const kept: { version: ViewVersion; why: string }[] = [];
  for (const version of versions) {
    // What is left of one must not be met by its coming back.
    if (version.state === 'gone' && !version.removed) remove.push(version);
    if (version.state !== 'retiring' || isOwn(version)) continue;
    const why = reasonToKeep(version, pinned, keepMs, now);
    if (why === null) remove.push(version);
    else kept.push({ version, why });
  }
  return { remove, kept };
}

/** Why a version that has retired stays; null: it may go. */
export function reasonToKeep(
  { name, version, since }: Pick<ViewVersion, 'name' | 'version' | 'since'>,
  pinned: readonly PinnedViews[] | null,
  keepMs: number,
  now: number,
): string | null {
  if (pinned === null) return 'it is not known which model versions read it';
  const readers = pinned.filter(({ views }) => views[name] === version);
  if (readers.length > 0)
    return `read by ${readers.map((reader) => `${reader.model} version ${reader.modelVersion} (${reader.why})`).join(', ')}`;
  const leftMs = since + keepMs - now;
  return leftMs <= 0
    ? null
    : `retired less than ${formatDuration(keepMs)} ago, until ${new Date(since + keepMs).toISOString()}`;
}

async function hasHistory(db: Queryable, program: ViewProgram): Promise<boolean> {
  const positions = await readIngestPositions(db, program.view.source.name);
  return positions.some((position) => position.nextOffset > 0);
}
