import { examples, type AddCommand } from '../add-command.ts';
import { exitCodes } from '../exit-code.ts';
import { tellStackProgress, withoutPassword } from '../stack-progress.ts';
import { renderPairs } from '../table.ts';

export const addUp: AddCommand = (program, act) => {
  program
    .command('up')
    .summary('start the servers')
    .description(
      'Finds or fetches, starts and waits for Temporal, Kafka, PostgreSQL and Redis. Servers that the environment names are used as they are. They run until `millrace down`; data and ports survive it.',
    )
    .option('--docker', 'use Docker Compose first instead of last')
    .addHelpText(
      'after',
      examples(
        'millrace up',
        'eval "$(millrace up --json | jq -r \'.environment|to_entries[]|"export \\(.key)=\\(.value)"\')"',
      ),
    )
    .action(
      act(async (context, options: { docker?: boolean }) => {
        const { startStack } = await import('../../stack/start-stack.ts');
        const stack = await startStack({
          dataDir: context.options.dataDir,
          docker: options.docker === true,
          environment: context.givenEnvironment,
          signal: context.signal,
          onProgress: tellStackProgress(context),
        });
        stack.unwatch();
        const { environment, state } = stack;
        context.output.result({ environment, servers: state.servers }, () =>
          renderPairs(Object.entries(environment).map(([name, value]) => [name, withoutPassword(value)])),
        );
        return exitCodes.ok;
      }),
    );
};
