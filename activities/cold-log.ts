import type { ColdFileDone, ColdLogActivities } from '../src/contracts/export-log.ts';
import type { Clock } from '../src/core/clock.ts';
import { parseDuration } from '../src/core/duration.ts';
import { MillraceError } from '../src/core/millrace-error.ts';
import type { Project } from '../src/define/project.ts';
import type { Source } from '../src/define/source.ts';
import type { ColdLogConfig } from '../src/infra/cold-log-config.ts';
import type { LogDatabase } from '../src/store/cold-log/cold-log.ts';
import { exportNextFile, sweepOrphans } from '../src/store/cold-log/export-log.ts';
import { pruneNextFile } from '../src/store/cold-log/prune-log.ts';
import { keepAlive } from './keep-alive.ts';
import { mapErrors } from './map-error.ts';

export interface ColdLogDependencies {
  readonly db: LogDatabase;
  readonly project: Project;
  readonly config: ColdLogConfig;
  readonly clock: Clock;
}

/** Export and pruning of the offline logs, a file a call. A retry begins with what the database says. */
export function createColdLogActivities({ db, project, config, clock }: ColdLogDependencies): ColdLogActivities {
  const sourceOf = (name: string): Source => {
    const found = project.sources.find((source) => source.name === name);
    if (found !== undefined) return found;
    throw new MillraceError(
      'STREAM_SOURCE_NOT_FOUND',
      `Source '${name}' is not part of the project. Its sources are: ${project.sources.map((source) => source.name).join(', ')}.`,
    );
  };
  const delayMs = parseDuration(config.coldLogDelay) ?? 0;
  const keepMs = parseDuration(config.coldLogKeep) ?? 0;
  return mapErrors<ColdLogActivities>({
    sweepColdLog: ({ source }) =>
      keepAlive(async () => ({ removed: (await sweepOrphans(db, sourceOf(source).name, { clock })).length })),
    exportNextFile: ({ source }) =>
      keepAlive(async (alive) => {
        const onStep = (step: string, file: string): void => alive.progress({ step, file });
        const options = { delayMs, fileRowsMax: config.coldLogFileRowsMax, clock, onStep };
        return { file: doneOf(await exportNextFile(db, sourceOf(source), options)) };
      }),
    pruneNextFile: ({ source }) =>
      keepAlive(async (alive) => {
        const onStep = (step: string, file: string): void => alive.progress({ step, file });
        const options = { keepMs, readers: project, clock, onStep };
        return { file: doneOf(await pruneNextFile(db, sourceOf(source), options)) };
      }),
  });
}

const doneOf = (file: ColdFileDone | null): ColdFileDone | null =>
  file === null ? null : { file: file.file, rows: file.rows, bytes: file.bytes };
