import { Context } from '@temporalio/activity';
import type { MaterializeActivities } from '../src/contracts/activities.ts';
import { MillraceError } from '../src/core/millrace-error.ts';
import type { ViewProgram } from '../src/fold/compile-view.ts';
import { materializePartition, type MaterializeDeps } from '../src/store/materialize.ts';
import { keepAlive } from './keep-alive.ts';
import { mapErrors } from './map-error.ts';

export interface MaterializeDependencies extends MaterializeDeps {
  readonly programs: readonly ViewProgram[];
}

/** Rebuilding of online states. A retry starts its partition over: what was written is written again. */
export function createMaterializeActivities(deps: MaterializeDependencies): MaterializeActivities {
  const programOf = (view: string, version: number): ViewProgram => {
    const found = deps.programs.find((program) => program.name === view && program.version === version);
    if (found !== undefined) return found;
    const known = deps.programs.map((program) => `${program.name} (version ${program.version})`).join(', ');
    throw new MillraceError(
      'FEATURE_VIEW_NOT_FOUND',
      `Feature view '${view}' version ${version} is not part of the project. Its views are: ${known}.`,
    );
  };
  return mapErrors<MaterializeActivities>({
    viewPartitions: async ({ view, version }) => ({ partitions: programOf(view, version).partitions }),
    materializePartition: ({ view, version, partition }) =>
      keepAlive((alive) =>
        materializePartition(deps, programOf(view, version), partition, {
          signal: Context.current().cancellationSignal,
          onProgress: (progress) => alive.progress(progress),
        }),
      ),
  });
}
