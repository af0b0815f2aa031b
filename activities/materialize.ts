import { Context } from '@temporalio/activity';
import type { MaterializeActivities } from '../src/contracts/activities.ts';
import type { Project } from '../src/define/project.ts';
import type { ViewProgram } from '../src/fold/compile-view.ts';
import { liveViewNamed, readLiveViews } from '../src/store/live-views.ts';
import { materializePartition, type MaterializeDeps } from '../src/store/materialize.ts';
import { keepAlive } from './keep-alive.ts';
import { mapErrors } from './map-error.ts';

export interface MaterializeDependencies extends MaterializeDeps {
  readonly project: Project;
}

/** Rebuilding of online states. A retry starts its partition over: what was written is written again. */
export function createMaterializeActivities(deps: MaterializeDependencies): MaterializeActivities {
  const programOf = async (view: string, version: number): Promise<ViewProgram> =>
    liveViewNamed(await readLiveViews(deps.postgres, deps.project), view, version).program;
  return mapErrors<MaterializeActivities>({
    viewPartitions: async ({ view, version }) => ({ partitions: (await programOf(view, version)).partitions }),
    materializePartition: ({ view, version, partition }) =>
      keepAlive(async (alive) =>
        materializePartition(deps, await programOf(view, version), partition, {
          signal: Context.current().cancellationSignal,
          onProgress: (progress) => alive.progress(progress),
        }),
      ),
  });
}
