import { examples, type AddCommand } from '../add-command.ts';
import { addLogExport } from './log-export.ts';
import { addLogList } from './log-list.ts';

export const addLog: AddCommand = (program, act) => {
  const log = program
    .command('log')
    .summary('the offline logs: export closed days, list files')
    .description(
      "Exports closed days of the sources' offline logs as Parquet files, deletes from Postgres what only history needs, and lists what was exported.",
    )
    .addHelpText('after', examples('millrace log export flight_arrived --prune --wait', 'millrace log list'));
  addLogExport(log, act);
  addLogList(log, act);
};
