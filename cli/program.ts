import { Command, type Argument } from 'commander';
import type { AddCommand } from './add-command.ts';
import type { Act } from './command-context.ts';
import { addApply } from './commands/apply.ts';
import { addApprove } from './commands/approve.ts';
import { addAudit } from './commands/audit.ts';
import { addClient } from './commands/client.ts';
import { addComparison } from './commands/comparison.ts';
import { addDeadLetters } from './commands/dead-letters.ts';
import { addDown } from './commands/down.ts';
import { addExperiment } from './commands/experiment.ts';
import { addFeatures } from './commands/features.ts';
import { addKeys } from './commands/keys.ts';
import { addLedger } from './commands/ledger.ts';
import { addLog } from './commands/log.ts';
import { addMaterialize } from './commands/materialize.ts';
import { addModels } from './commands/models.ts';
import { addPause } from './commands/pause.ts';
import { addPlan } from './commands/plan.ts';
import { addPredict } from './commands/predict.ts';
import { addPromote } from './commands/promote.ts';
import { addReplay } from './commands/replay.ts';
import { addResume } from './commands/resume.ts';
import { addRollback } from './commands/rollback.ts';
import { addRollout } from './commands/rollout.ts';
import { addRun } from './commands/run.ts';
import { addStart } from './commands/start.ts';
import { addStatus } from './commands/status.ts';
import { addTrain } from './commands/train.ts';
import { addUp } from './commands/up.ts';
import { addViews } from './commands/views.ts';
import { DATA_DIR_DEFAULT, PROJECT_DEFAULT } from './create-context.ts';
import type { TextSink } from './output.ts';

const HELP_WIDTH = 80;
/** Descriptions are wrapped even where names leave them little room. */
const HELP_TEXT_WIDTH_MIN = 20;

/** In the order of the help: the servers, the project, the processes, events, models, looking. */
const commands: readonly (readonly [heading: string, adds: readonly AddCommand[]])[] = [
  ['Servers:', [addUp, addDown]],
  ['Project:', [addPlan, addApply, addViews]],
  ['Processes:', [addStart, addRun, addKeys]],
  ['Events and features:', [addReplay, addMaterialize, addFeatures, addLog, addDeadLetters]],
  ['Models:', [addTrain, addRollout, addPromote, addRollback, addExperiment, addPause, addResume, addApprove, addPredict, addClient]],
  ['Looking:', [addStatus, addModels, addComparison, addLedger, addAudit]],
];

const exitCodeHelp = `
Exit codes: 0 done, 1 failed, 2 wrong arguments, settings or project,
3 a server is away, 4 not found, 5 refused, 130 interrupted.`;

export function createProgram(act: Act, sinks: { stdout: TextSink; stderr: TextSink }): Command {
  const program = new Command('millrace')
    .description('A real-time machine-learning pipeline: events in, predictions out, models kept fresh.')
    .option(
      '--data-dir <dir>',
      `where servers, models and logs live (MILLRACE_DATA_DIR; default ${DATA_DIR_DEFAULT})`,
    )
    .option('--project <file>', `project file (MILLRACE_PROJECT; default ./${PROJECT_DEFAULT})`)
    .option('--json', 'one JSON document on standard output, nothing else')
    .option('--verbose', 'logs and stack traces on standard error')
    .addHelpText('after', exitCodeHelp)
    .configureHelp({
      showGlobalOptions: true,
      helpWidth: HELP_WIDTH,
      minWidthToWrap: HELP_TEXT_WIDTH_MIN,
      subcommandTerm: (command) =>
        [command.name(), ...command.registeredArguments.map(argumentTerm)].join(' '),
    })
    .configureOutput({
      writeOut: (text) => void sinks.stdout.write(text),
      // Usage errors are reported by the caller, in the form of every other error.
      writeErr: (text) => void (text.startsWith('error:') ? undefined : sinks.stderr.write(text)),
      getOutHelpWidth: () => HELP_WIDTH,
      getErrHelpWidth: () => HELP_WIDTH,
    })
    .helpCommand(false)
    .exitOverride();
  for (const [heading, adds] of commands) {
    program.commandsGroup(heading);
    for (const add of adds) add(program, act);
  }
  return program;
}

function argumentTerm(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}
