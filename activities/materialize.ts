import { Context } from '@temporalio/activity';
import type { MaterializeActivities } from '../src/contracts/activities.ts';
import type { Project } from '../src/define/project.ts';
import type { ViewProgram } from '../src/fold/compile-view.ts';
import { liveViewNamed, readLiveViews } from '../src/store/live-views.ts';
import { materializePartitions, type MaterializeDeps, type MaterializeResult } from '../src/store/materialize.ts';
import { partitionBusy } from '../src/store/partition-lease.ts';
import { keepAlive } from './keep-alive.ts';
import { mapErrors } from './map-error.ts';

export interface MaterializeDependencies extends MaterializeDeps {
  readonly project: Project;
}

/** Rebuilding of online states. A retry starts its partitions over: what was written is written again. */
export function createMaterializeActivities(deps: MaterializeDependencies): MaterializeActivities {
  const programOf = async (view: string, version: number): Promise<ViewProgram> =>
    liveViewNamed(await readLiveViews(deps.postgres, deps.project), view, version).program;
  const rebuild = (view: string, version: number, partitions: readonly number[]): Promise<MaterializeResult> =>
    keepAlive(async (alive) =>
      materializePartitions(deps, await programOf(view, version), partitions, {
        signal: Context.current().cancellationSignal,
        onProgress: (progress) => alive.progress(progress),
      }),
    );
  return mapErrors<MaterializeActivities>({
    viewPartitions: async ({ view, version }) => ({ partitions: (await programOf(view, version)).partitions }),
    materializePartitions: ({ view, version, partitions }) => rebuild(view, version, partitions),
    materializePartition: async ({ view, version, partition }) => {
      const { busy, ...done } = await rebuild(view, version, [partition]);
      if (busy.length > 0) throw partitionBusy({ name: view, version }, partition);
      return done;
    },
  });
}
