import {
  BACKFILL_ROWS_PER_SECOND_MAX,
  backfillQueries,
  backfillSignals,
  type BackfillStatus,
} from '../../src/contracts/backfill.ts';
import { workflowIds } from '../../src/contracts/lifecycle.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { readViewChanges, readViewVersions, unfinishedStates } from '../../src/store/view-versions.ts';
import { examples, parsePositiveInteger, type AddCommand } from '../add-command.ts';
import type { CommandContext } from '../command-context.ts';
import { exitCodes, type ExitCode } from '../exit-code.ts';
import { withPostgres, withTemporal } from '../open-servers.ts';
import { formatTime, renderTable } from '../table.ts';

const CHANGES_SHOWN_MAX = 20;

export const addViews: AddCommand = (program, act) => {
  const views = program
    .command('views')
    .summary('versions of feature views and their backfills')
    .description(
      'Lists the versions of the feature views with their states, what changed them last, and how far backfills are.',
    )
    .addHelpText('after', examples('millrace views', 'millrace views pause origin_departed 2'))
    .action(act(showViews));
  const control = (name: 'pause' | 'resume', summary: string): void => {
    views
      .command(name)
      .summary(summary)
      .description(`${summary[0]?.toUpperCase() ?? ''}${summary.slice(1)}. It takes effect within seconds.`)
      .argument('<view>', 'feature view name')
      .argument('<version>', 'its version', parsePositiveInteger)
      .action(
        act((context, view: string, version: number) => signalBackfill(context, view, version, backfillSignals[name])),
      );
  };
  control('pause', 'pause a backfill');
  control('resume', 'resume a paused backfill');
  views
    .command('rate')
    .summary('set how many rows a second a backfill may read')
    .description('Sets how many rows of the offline log a backfill may read in a second, over all partitions.')
    .argument('<view>', 'feature view name')
    .argument('<version>', 'its version', parsePositiveInteger)
    .argument('<rows>', 'rows a second', parsePositiveInteger)
    .action(
      act((context, view: string, version: number, rows: number) => {
        if (rows > BACKFILL_ROWS_PER_SECOND_MAX) {
          throw new MillraceError(
            'REQUEST_INVALID',
            `Rate of a backfill: expected at most ${BACKFILL_ROWS_PER_SECOND_MAX} rows a second, found ${rows}. Give a smaller one.`,
          );
        }
        return signalBackfill(context, view, version, backfillSignals.setRate, rows);
      }),
    );
};

async function signalBackfill(
  context: CommandContext,
  view: string,
  version: number,
  signal: string,
  ...payload: readonly number[]
): Promise<ExitCode> {
  await withTemporal(context, `signalling '${signal}' to a backfill`, async (client, { namespace }) => {
    const workflowId = workflowIds.backfillFeatures(namespace, view, version);
    await client.workflow.getHandle(workflowId).signal(signal, ...payload);
    context.output.result({ view, version, signal, workflowId }, () => `Signalled '${signal}' to ${workflowId}.`);
  });
  return exitCodes.ok;
}

async function showViews(context: CommandContext): Promise<ExitCode> {
  const { versions, changes } = await withPostgres(context, async (postgres) => ({
    versions: await readViewVersions(postgres),
    changes: await readViewChanges(postgres, CHANGES_SHOWN_MAX),
  }));
  const unfinished = versions.filter(({ state }) => unfinishedStates.includes(state));
  const backfills: BackfillStatus[] = [];
  if (unfinished.length > 0) {
    await withTemporal(context, 'asking backfills how far they are', async (client, { namespace }) => {
      for (const { name, version } of unfinished) {
        const handle = client.workflow.getHandle(workflowIds.backfillFeatures(namespace, name, version));
        // One whose worker is away does not answer; the table says where its version is.
        const status = await handle.query<BackfillStatus>(backfillQueries.progress).catch(() => null);
        if (status !== null) backfills.push(status);
      }
    });
  }
  context.output.result({ versions, backfills, changes }, () =>
    [
      renderTable(
        [{ title: 'VIEW' }, { title: 'VERSION', align: 'right' }, { title: 'STATE' }, { title: 'SINCE' }],
        versions.map(({ name, version, state, since }) => [name, String(version), state, formatTime(since)]),
      ),
      ...backfills.map(describeBackfill),
      ...(changes.length === 0
        ? []
        : [
            renderTable(
              [{ title: 'WHEN' }, { title: 'VIEW' }, { title: 'TO' }, { title: 'WHO' }, { title: 'WHY' }],
              changes.map(({ at, name, version, toState, actor, reason }) => [
                formatTime(at),
                `${name} ${version}`,
                toState,
                actor,
                reason,
              ]),
            ),
          ]),
    ].join('\n\n'),
  );
  return exitCodes.ok;
}

const describeBackfill = (status: BackfillStatus): string => {
  const { view, version, phase, paused, partitions, partitionsDone, rows, rowsInAll, rowsPerSecond } = status;
  const percent = rowsInAll === 0 ? 0 : Math.min(100, Math.floor((rows / rowsInAll) * 100));
  return `Backfill of ${view} version ${version}: ${phase}${paused ? ', paused' : ''}. ${partitionsDone} of ${partitions} partitions, ${rows} of ${rowsInAll} rows (${percent} %), at most ${rowsPerSecond} a second.`;
};
