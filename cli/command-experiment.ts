import type { ExperimentCommand } from '../src/contracts/experiment.ts';
import { lifecycleSignals } from '../src/contracts/lifecycle.ts';
import type { CommandContext } from './command-context.ts';
import type { ExitCode } from './exit-code.ts';
import { followCommand, type CommandWait } from './follow-command.ts';

const signals = {
  'start-experiment': lifecycleSignals.startExperiment,
  'change-experiment': lifecycleSignals.changeExperiment,
  'end-experiment': lifecycleSignals.endExperiment,
} as const;
const outcomes = { 'start-experiment': 'started', 'change-experiment': 'changed', 'end-experiment': 'ended' } as const;

/** Asks a model's lifecycle for something about an experiment. */
export function commandExperiment(context: CommandContext, model: string, command: ExperimentCommand, wait: CommandWait): Promise<ExitCode> {
  const { kind, ...payload } = command;
  const name = command.kind === 'start-experiment' ? command.name : command.experiment;
  const done = `experiment '${name}' ${outcomes[kind]}`;
  return followCommand(context, model, { kind, signal: signals[kind], payload, outcomeOf: ({ what }) => (what === done ? 'done' : what.startsWith(`${kind} `) ? 'refused' : null) }, wait);
}
