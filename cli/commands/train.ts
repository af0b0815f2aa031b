import { lifecycleSignals, type RetrainRequest } from '../../src/contracts/lifecycle.ts';
import { examples, parseMoment, parseWait, type AddCommand } from '../add-command.ts';
import { exitCodes } from '../exit-code.ts';
import { lifecycleOf, operatorName } from '../lifecycle-client.ts';
import { withTemporal } from '../open-servers.ts';
import { signalLifecycle } from '../signal-lifecycle.ts';

const TIMEOUT_MS_DEFAULT = 2 * 3_600_000;

interface TrainOptions {
  readonly reason: string;
  readonly asOf?: number;
  readonly wait?: boolean;
  readonly timeout: number;
}

export const addTrain: AddCommand = (program, act) => {
  program
    .command('train')
    .summary('train a model and roll the version out')
    .description(
      "Asks a model's lifecycle to train on what is known now, or was at a moment, and to roll the version out. With --wait: exit code 0 where it was promoted, 5 for any other verdict.",
    )
    .argument('<model>', 'model name')
    .option('--reason <text>', 'why, for the ledger', 'asked for on the command line')
    .option('--as-of <time>', 'data cut in event time: ISO 8601 or ms since the epoch', parseMoment)
    .option('--wait', 'follow it until the verdict')
    .option('--timeout <duration>', 'how long to follow it', parseWait, TIMEOUT_MS_DEFAULT)
    .addHelpText('after', examples('millrace train flight_delay --wait --reason "new aircraft"'))
    .action(
      act(async (context, model: string, options: TrainOptions) => {
        const request: RetrainRequest = {
          trigger: 'manual',
          reason: options.reason,
          requestedBy: operatorName(),
          dataCut: options.asOf ?? null,
        };
        if (options.wait !== true) return signalLifecycle(context, model, lifecycleSignals.retrain, request);
        return withTemporal(context, `retraining '${model}'`, async (client, config) => {
          const { followRetraining } = await import('../follow-retraining.ts');
          const lifecycle = lifecycleOf(client, config.namespace, model);
          const before = await lifecycle.state();
          if (before.phase === 'paused')
            context.output.note(`The lifecycle of '${model}' is paused: it trains after 'millrace resume'.`);
          const askedAt = Date.now();
          await lifecycle.signal(lifecycleSignals.retrain, request);
          const result = await followRetraining({
            client,
            namespace: config.namespace,
            model,
            lifecycle,
            cycleBefore: before.cycle,
            askedAt,
            timeoutMs: options.timeout,
            signal: context.signal,
            onNews: (line) => context.output.note(line),
          });
          context.output.result(
            { model, ...result },
            () => `Version ${result.version}: ${result.verdict}. ${result.reason}`,
          );
          return result.verdict === 'promoted' ? exitCodes.ok : exitCodes.refused;
        });
      }),
    );
};
