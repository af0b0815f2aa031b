import { examples, type AddCommand } from '../add-command.ts';
import { exitCodes } from '../exit-code.ts';
import { tellStackProgress } from '../stack-progress.ts';

export const addDown: AddCommand = (program, act) => {
  program
    .command('down')
    .summary('stop the servers')
    .description(
      'Stops exactly the servers that were started for the data directory. Data and ports are kept.',
    )
    .addHelpText('after', examples('millrace down', 'millrace down --data-dir /tmp/try'))
    .action(
      act(async (context) => {
        const { stopStack } = await import('../../stack/stop-stack.ts');
        const stopped: string[] = [];
        const tell = tellStackProgress(context);
        await stopStack(context.options.dataDir, (progress) => {
          if (progress.phase === 'stopped') stopped.push(progress.server);
          tell(progress);
        });
        context.output.result({ stopped }, () =>
          stopped.length === 0
            ? `Nothing runs for ${context.options.dataDir}.`
            : `Stopped ${stopped.join(', ')}.`,
        );
        return exitCodes.ok;
      }),
    );
};
