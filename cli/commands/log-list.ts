import { parseDuration } from '../../src/core/duration.ts';
import { loadColdLogConfig } from '../../src/infra/cold-log-config.ts';
import { loadProject } from '../../src/infra/load-project.ts';
import type { ColdFile } from '../../src/store/cold-log/cold-files.ts';
import type { PruneHorizon } from '../../src/store/cold-log/prune-horizon.ts';
import { examples, type AddCommand } from '../add-command.ts';
import { exitCodes } from '../exit-code.ts';
import { withPostgres } from '../open-servers.ts';
import { sourcesNamed } from '../sources-named.ts';
import { formatTime, renderTable } from '../table.ts';

interface ListedSource {
  readonly source: string;
  readonly files: readonly ColdFile[];
  /** Null before any event came. */
  readonly horizon: PruneHorizon | null;
}

export const addLogList: AddCommand = (log, act) => {
  log
    .command('list')
    .summary('exported files and what Postgres must keep')
    .description(
      'Lists the exported files of a source, or of every source, and from which known time on Postgres has to keep rows, and for whom; with --json every detail of the files.',
    )
    .argument('[source]', 'source name (default all)')
    .addHelpText('after', examples('millrace log list flight_arrived'))
    .action(
      act(async (context, sourceName: string | undefined) => {
        const { project: file } = context.options;
        const project = await loadProject(file);
        const sources = sourcesNamed(project, sourceName, file);
        const keepMs = parseDuration(loadColdLogConfig(await context.environment()).coldLogKeep) ?? 0;
        const listed = await withPostgres(context, async (postgres) => {
          const { listColdFiles } = await import('../../src/store/cold-log/cold-files.ts');
          const { pruneHorizon } = await import('../../src/store/cold-log/prune-horizon.ts');
          const found: ListedSource[] = [];
          for (const source of sources) {
            const horizon = await pruneHorizon(postgres, source, project, { now: Date.now(), keepMs });
            found.push({ source: source.name, files: await listColdFiles(postgres, source.name), horizon });
          }
          return found;
        });
        context.output.result(listed, () => describeListed(listed));
        return exitCodes.ok;
      }),
    );
};

function describeListed(listed: readonly ListedSource[]): string {
  const files = listed.flatMap((one) => one.files);
  const table = renderTable(
    [
      { title: 'SOURCE' },
      { title: 'DAY' },
      { title: 'ROWS', align: 'right' },
      { title: 'BYTES', align: 'right' },
      { title: 'ROWS ARE IN' },
    ],
    files.map(({ source, day, rows, bytes, prunedAt }) => [
      source,
      day,
      String(rows),
      String(bytes),
      prunedAt === null ? 'Postgres and file' : 'file',
    ]),
  );
  const horizons = listed.flatMap(({ source, horizon }) =>
    horizon === null ? [] : [`${source}: Postgres keeps rows known from ${formatTime(horizon.before)} on, for ${horizon.because}.`],
  );
  return [files.length === 0 ? 'Nothing is exported.' : table, ...horizons].join('\n');
}
