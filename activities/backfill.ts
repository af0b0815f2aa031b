import { Context } from '@temporalio/activity';
import type { BackfillActivities } from '../src/contracts/backfill.ts';
import type { Project } from '../src/define/project.ts';
import type { ViewProgram } from '../src/fold/compile-view.ts';
import type { Postgres } from '../src/infra/postgres.ts';
import { appendLedger } from '../src/registry/append-ledger.ts';
import { backfillPartition } from '../src/store/backfill-partition.ts';
import { assertEqual, compareView } from '../src/store/compare-view.ts';
import { readIngestPositions } from '../src/store/ingest-positions.ts';
import { liveViewNamed, readLiveViews, type LiveView } from '../src/store/live-views.ts';
import type { MaterializeDeps } from '../src/store/materialize.ts';
import { flipViewVersion, moveViewVersion, readViewVersions, type ViewVersion } from '../src/store/view-versions.ts';
import { keepAlive } from './keep-alive.ts';
import { mapErrors } from './map-error.ts';

export interface BackfillDependencies extends MaterializeDeps {
  readonly project: Project;
}

/** Ingest looks every second which versions run: by then each of its members sends the new one its frames. */
const INGEST_GRACE_MS = 5_000;
/** The live consumer must have caught up with the log by then; it is asked again if not. */
const VISIBLE_WAIT_MS = 60_000;

/** Steps of a backfill. Each may run again: what is done already is left as it is. */
export function createBackfillActivities(deps: BackfillDependencies): BackfillActivities {
  const { postgres } = deps;
  const liveOf = async (): Promise<LiveView[]> => readLiveViews(postgres, deps.project);
  const programOf = async (view: string, version: number): Promise<ViewProgram> =>
    liveViewNamed(await liveOf(), view, version).program;
  const rowOf = async (view: string, version: number): Promise<ViewVersion | undefined> =>
    (await readViewVersions(postgres)).find((row) => row.name === view && row.version === version);

  return mapErrors<BackfillActivities>({
    beginBackfill: ({ view: name, version, ...note }) =>
      keepAlive(async () => {
        const row = await rowOf(name, version);
        if (row === undefined || !['building', 'backfilling', 'comparing'].includes(row.state)) return null;
        const graceMs = row.state === 'building' ? row.since + INGEST_GRACE_MS - deps.clock() : 0;
        if (graceMs > 0) await Context.current().sleep(graceMs);
        await postgres.transaction((tx) => moveViewVersion(tx, { name, version }, ['building'], 'backfilling', note));
        return { partitions: (await programOf(name, version)).partitions };
      }),

    backfillSlice: ({ view, version, partition, owner, rowsPerSecond, sliceMs }) =>
      keepAlive(async (alive) => {
        const row = await rowOf(view, version);
        const state = row?.state ?? 'gone';
        const none = { superseded: false, rows: 0, rowsInAll: 0, events: 0 };
        if (state === 'comparing' || state === 'current') return { ...none, done: true };
        if (state !== 'backfilling') return { ...none, done: true, superseded: true };
        const filled = await backfillPartition(deps, await programOf(view, version), partition, {
          owner,
          rowsPerSecond,
          sliceMs,
          signal: Context.current().cancellationSignal,
          onProgress: (progress) => alive.progress(progress),
        });
        return { ...filled, superseded: false };
      }),

    beginComparing: ({ view: name, version, ...note }) =>
      keepAlive(async () => {
        await postgres.transaction((tx) => moveViewVersion(tx, { name, version }, ['backfilling'], 'comparing', note));
        const row = await rowOf(name, version);
        if (row?.state !== 'comparing' && row?.state !== 'current') return false;
        const program = await programOf(name, version);
        const source = program.view.source.name;
        const positions = await readIngestPositions(postgres, source);
        const offsets = positions.map((p) => ({ sourceName: source, partition: p.partition, offset: p.nextOffset - 1 }));
        await deps.store.waitVisible([program], offsets, VISIBLE_WAIT_MS);
        return true;
      }),

    compareViewVersion: ({ view, version }) =>
      keepAlive(async () => {
        const live = await liveOf();
        const { program } = liveViewNamed(live, view, version);
        const before = live.find(
          (one) => one.state === 'current' && one.program.name === view && one.program.version !== version,
        );
        const compared = await compareView(deps, program, before?.program ?? null);
        assertEqual(program, compared);
        const { keys, moments, values, valuesWithCurrent, by } = compared;
        return { keys, moments, values, valuesWithCurrent, by };
      }),

    flipViewVersion: (input) => flip(postgres, input),
  });
}

/** The flip, its note in the versions' history and its ledger entry: all or nothing. */
function flip(
  postgres: Postgres,
  { view: name, version, compared, ...note }: Parameters<BackfillActivities['flipViewVersion']>[0],
): Promise<{ replaced: number | null }> {
  return postgres.transaction(async (tx) => {
    const { flipped, before } = await flipViewVersion(tx, { name, version }, ['comparing'], note);
    if (flipped) {
      const details = { view: name, viewVersion: version, replaced: before, compared: { ...compared } };
      await appendLedger(tx, { ...note, model: null, version: null, action: 'flip-view', details });
    }
    return { replaced: before === version ? null : before };
  });
}
