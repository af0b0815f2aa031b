import type { ViewProgram } from '../../src/fold/compile-view.ts';
import type { SourceAccount } from '../../src/store/source-accounts.ts';
import { watermarkOf, type ViewPosition } from '../../src/store/view-position.ts';
import type { SourceEnds } from './source-rows.ts';

/** How far a feature view is behind its source; a number is null where it can't be told. */
export interface ViewRow {
  readonly view: string;
  readonly version: number;
  readonly entity: string;
  readonly source: string;
  readonly features: number;
  readonly partitions: number;
  /** Events of the source that some partition of the view has not folded. */
  readonly behindEvents: number | null;
  /** Known time of the newest folded event, of the partition that is furthest behind; ms since the epoch. */
  readonly newestKnownTime: number | null;
  /** Known time of the source's newest stored event less that of the view's: how old a read is in event history. */
  readonly behindMs: number | null;
  /** Partitions that are being rebuilt from the offline log. */
  readonly rebuilding: number;
}

export interface ViewPositions {
  readonly program: ViewProgram;
  readonly positions: readonly ViewPosition[];
}

/** One row a view, in the project's order. */
export function viewRows(
  programs: readonly ViewProgram[],
  read: readonly ViewPositions[] | null,
  accounts: readonly SourceAccount[] | null,
  ends: SourceEnds | null,
): ViewRow[] {
  return programs.map((program) => {
    const { name, version, partitions, view, featureNames } = program;
    const positions = read?.find((candidate) => candidate.program === program)?.positions ?? null;
    const account = accounts?.find(({ source }) => source === view.source.name) ?? null;
    const nextOffsets = nextOffsetsOf(view.source.name, account, ends);
    const behindEvents = positions === null || nextOffsets === null ? null : behindOf(positions, nextOffsets);
    const newestKnownTime = positions === null ? null : oldestOf(positions);
    return {
      view: name,
      version,
      entity: view.entity.name,
      source: view.source.name,
      features: featureNames.length,
      partitions,
      behindEvents,
      newestKnownTime,
      behindMs: behindMsOf(behindEvents, newestKnownTime, account?.newestKnownTime ?? null),
      rebuilding: positions?.filter(({ rebuild }) => rebuild !== undefined).length ?? 0,
    };
  });
}

/** Kafka knows of events that ingest has not come to; without it, what is stored counts. */
function nextOffsetsOf(
  source: string,
  account: SourceAccount | null,
  ends: SourceEnds | null,
): ReadonlyMap<number, number> | null {
  const offsets = ends?.get(source);
  if (offsets !== undefined) return new Map(offsets.map(({ partition, end }) => [partition, end]));
  if (account === null) return null;
  return new Map(Object.entries(account.nextOffsets).map(([partition, next]) => [Number(partition), next]));
}

function behindOf(positions: readonly ViewPosition[], nextOffsets: ReadonlyMap<number, number>): number {
  let behind = 0;
  for (const [partition, next] of nextOffsets) {
    const folded = Math.min(...positions.map((position) => watermarkOf(position, partition)));
    behind += Math.max(0, next - 1 - folded);
  }
  return behind;
}

/** Null where one partition has folded nothing yet. */
function oldestOf(positions: readonly ViewPosition[]): number | null {
  const times = positions.map(({ newestKnownTime }) => newestKnownTime);
  return times.includes(null) || times.length === 0 ? null : Math.min(...(times as number[]));
}

function behindMsOf(behindEvents: number | null, view: number | null, source: number | null): number | null {
  if (behindEvents === 0) return 0;
  return view === null || source === null ? null : Math.max(0, source - view);
}
