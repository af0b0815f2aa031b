import type { LedgerEntry } from '../../src/registry/ledger-entry.ts';
import { examples, parsePositiveInteger, type AddCommand } from '../add-command.ts';
import { exitCodes } from '../exit-code.ts';
import { withRegistry } from '../open-servers.ts';
import { formatTime, NONE, renderTable } from '../table.ts';

const ENTRIES_DEFAULT = 50;

export const addLedger: AddCommand = (program, act) => {
  const ledger = program
    .command('ledger')
    .summary('who changed what in production, when and why')
    .description('Lists the newest entries of the ledger, newest first; of one model where it is named.')
    .argument('[model]', 'model name')
    .option('--limit <entries>', 'how many entries', parsePositiveInteger, ENTRIES_DEFAULT)
    .addHelpText('after', examples('millrace ledger flight_delay --limit 10', 'millrace ledger verify'))
    .action(
      act(async (context, model: string | undefined, options: { limit: number }) => {
        await withRegistry(context, async (registry) => {
          const entries = await registry.ledger(model ?? null, options.limit);
          context.output.result(entries, () => ledgerTable(entries));
        });
        return exitCodes.ok;
      }),
    );
  ledger
    .command('verify')
    .summary('recompute the chain of hashes')
    .description(
      'Recomputes the hash of every entry from the first to the last; exit code 5 where one is changed or missing.',
    )
    .addHelpText('after', examples('millrace ledger verify'))
    .action(
      act(async (context) =>
        withRegistry(context, async (registry) => {
          const verdict = await registry.verifyLedger();
          context.output.result(verdict, () =>
            verdict.firstBad === null
              ? `The ledger is whole: ${verdict.entries} entries, every hash follows from the one before it.`
              : `The ledger is broken: entry ${verdict.firstBad.seq} ${verdict.firstBad.problem}. Restore millrace.ledger from a backup.`,
          );
          return verdict.ok ? exitCodes.ok : exitCodes.refused;
        }),
      ),
    );
};

function ledgerTable(entries: readonly LedgerEntry[]): string {
  if (entries.length === 0) return 'The ledger has no such entry.';
  return renderTable(
    [
      { title: 'SEQ', align: 'right' },
      { title: 'AT' },
      { title: 'MODEL' },
      { title: 'V', align: 'right' },
      { title: 'ACTION' },
      { title: 'REASON' },
    ],
    entries.map((entry) => [
      String(entry.seq),
      formatTime(entry.at),
      entry.model ?? NONE,
      entry.version === null ? NONE : String(entry.version),
      entry.action,
      entry.reason,
    ]),
  );
}
