import { InvalidArgumentError, type Command } from 'commander';
import { checkExperiment } from '../../src/contracts/check-experiment.ts';
import {
  experimentMetrics,
  type ChangeExperimentRequest,
  type EndExperimentRequest,
  type ExperimentArm,
  type ExperimentMetric,
  type StartExperimentRequest,
} from '../../src/contracts/experiment.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { examples, withWait, type AddCommand } from '../add-command.ts';
import type { Act } from '../command-context.ts';
import { commandExperiment } from '../command-experiment.ts';
import type { CommandWait } from '../follow-command.ts';
import { operatorName } from '../lifecycle-client.ts';
import { addExperimentResults } from './experiment-results.ts';

const METRIC_DEFAULT: ExperimentMetric = 'log-loss';

export const addExperiment: AddCommand = (program, act) => {
  const experiment = program
    .command('experiment')
    .summary('A/B tests: start, change shares, end, results')
    .description(
      "An experiment shares the entities of a model out among arms, each a registered version, and compares what came of their answers. Each entity keeps its arm. 'millrace status' shows the one that runs.",
    )
    .addHelpText('after', examples('millrace experiment start --help', 'millrace experiment results flight_delay'));
  addStart(experiment, act);
  addShares(experiment, act);
  addEnd(experiment, act);
  addExperimentResults(experiment, act);
};

interface StartOptions extends CommandWait {
  readonly arm: readonly ExperimentArm[];
  readonly control?: string;
  readonly metric: ExperimentMetric;
  readonly reason: string;
}

function addStart(experiment: Command, act: Act): void {
  withWait(experiment.command('start'))
    .summary('share the entities out among versions')
    .description(
      'Starts an experiment once every serving process has loaded and verified the versions of its arms. Entities that no arm has stay with the champion. A model has one experiment at a time, and none beside a rollout.',
    )
    .argument('<model>', 'model name')
    .argument('<name>', 'of the experiment: new for the model')
    .requiredOption('--arm <name=version:share>', '2 to 8 of them; shares in steps of 0.0001', collect(parseArm), [])
    .option('--control <arm>', 'arm that the others are compared with; the first')
    .option('--metric <metric>', `what decides: ${experimentMetrics.join(', ')}`, METRIC_DEFAULT)
    .option('--reason <text>', 'why, for the ledger', 'started on the command line')
    .addHelpText('after', examples('millrace experiment start flight_delay wider \\\n      --arm control=3:0.5 --arm wide=4:0.5 --reason "more airports" --wait'))
    .action(
      act((context, model: string, name: string, options: StartOptions) => {
        const { arm: arms, metric, reason } = options;
        const control = options.control ?? arms[0]?.name ?? '';
        const request: StartExperimentRequest = { name, arms, control, metric, requestedBy: operatorName(), reason };
        const problems = checkExperiment(request);
        if (problems.length > 0) throw new MillraceError('EXPERIMENT_INVALID', `Experiment '${name}' is wrong: ${problems.join('; ')}.`);
        return commandExperiment(context, model, { kind: 'start-experiment', ...request }, options);
      }),
    );
}

interface SharesOptions extends CommandWait {
  readonly share: readonly (readonly [arm: string, share: number])[];
  readonly reason: string;
}

function addShares(experiment: Command, act: Act): void {
  withWait(experiment.command('shares'))
    .summary('change the shares of the arms')
    .description(
      'Gives arms other shares; arms that are not named keep theirs. An arm that grows keeps all of its entities, and as few as possible change sides. Results count from the change on.',
    )
    .argument('<model>', 'model name')
    .argument('<name>', 'of the experiment that runs')
    .requiredOption('--share <arm=share>', 'may be given several times', collect(parseShare), [])
    .option('--reason <text>', 'why, for the ledger', 'changed on the command line')
    .addHelpText('after', examples('millrace experiment shares flight_delay wider --share wide=0.2 --wait'))
    .action(
      act((context, model: string, name: string, options: SharesOptions) => {
        const shares = Object.fromEntries(options.share);
        const request: ChangeExperimentRequest = { experiment: name, shares, requestedBy: operatorName(), reason: options.reason };
        return commandExperiment(context, model, { kind: 'change-experiment', ...request }, options);
      }),
    );
}

interface EndOptions extends CommandWait {
  readonly winner?: string;
  readonly reason: string;
}

function addEnd(experiment: Command, act: Act): void {
  withWait(experiment.command('end'))
    .summary('end an experiment, and promote its winner')
    .description("Ends the experiment that runs. With --winner, the version of that arm becomes the champion as by 'millrace promote'; without it, the champion stays.")
    .argument('<model>', 'model name')
    .argument('<name>', 'of the experiment that runs')
    .option('--winner <arm>', 'arm whose version becomes the champion')
    .option('--reason <text>', 'why, for the ledger', 'ended on the command line')
    .addHelpText('after', examples('millrace experiment end flight_delay wider --winner wide --reason "log loss -0.004"'))
    .action(
      act((context, model: string, name: string, options: EndOptions) => {
        const request: EndExperimentRequest = { experiment: name, winner: options.winner ?? null, requestedBy: operatorName(), reason: options.reason };
        return commandExperiment(context, model, { kind: 'end-experiment', ...request }, options);
      }),
    );
}

const collect =
  <T>(parse: (text: string) => T) =>
  (text: string, before: readonly T[]): T[] => [...before, parse(text)];

function parseArm(text: string): ExperimentArm {
  const [, name, version, share] = /^([^=]+)=(\d+):([\d.]+)$/.exec(text) ?? [];
  if (name === undefined || !Number.isFinite(Number(share))) throw new InvalidArgumentError("Expected <name>=<version>:<share>, such as 'wide=4:0.5'.");
  return { name, version: Number(version), share: Number(share) };
}

function parseShare(text: string): readonly [string, number] {
  const [, name, share] = /^([^=]+)=([\d.]+)$/.exec(text) ?? [];
  if (name === undefined || !Number.isFinite(Number(share))) throw new InvalidArgumentError("Expected <arm>=<share>, such as 'wide=0.2'.");
  return [name, Number(share)];
}
